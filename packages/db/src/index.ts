export * from "./database.ts";
export * from "./embedded-postgres.ts";
export * from "./history-store.ts";
export * from "./token-store.ts";
export * from "./user-store.ts";
