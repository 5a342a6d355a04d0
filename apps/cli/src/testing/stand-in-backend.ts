/**
 * Stands in for the backend in tests of the supervisor: says hello to the data path, again after each loss of it, and
 * makes the first password.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectLocal } from "@lockstep/api/local";
import { ServeOptions } from "@lockstep/model";

const { data } = ServeOptions.parse(JSON.parse(process.argv[2] ?? ""));
const RETRY_MS = 50;

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => process.exit(0));
}
writeFileSync(join(data, "database-url"), process.env.DATABASE_URL ?? "none");
if (!existsSync(join(data, "admin-password"))) {
  writeFileSync(join(data, "admin-password"), "open sesame\n", { mode: 0o600 });
}
for (;;) {
  try {
    const client = await connectLocal(data);
    const hello = { role: "backend" as const, pid: process.pid };
    await client.tell("hello", hello, { who: "system", from: "backend" });
    await client.closed;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
