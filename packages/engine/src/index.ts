export * from "./lun/mark.ts";
export * from "./lun/mirrored-lun.ts";
export * from "./lun/ports.ts";
export * from "./wire/frame.ts";
export * from "./wire/frame-reader.ts";
export * from "./wire/stream-id.ts";
export * from "./wire/stream-open.ts";
