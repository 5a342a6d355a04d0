export * from "./arrival-window.ts";
export * from "./codec.ts";
export * from "./interruption-detector.ts";
export * from "./message.ts";
export * from "./pace.ts";
export * from "./peer-tracker.ts";
export * from "./told-signal.ts";
export * from "./uuid.ts";
