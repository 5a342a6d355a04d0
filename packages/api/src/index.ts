export * from "./app-router.ts";
export * from "./context.ts";
export * from "./failure-mapper.ts";
export { MIN_PASSWORD_LENGTH } from "./routers/accounts.ts";
