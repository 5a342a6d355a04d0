export * from "./accounts.ts";
export * from "./configuration.ts";
export * from "./history.ts";
