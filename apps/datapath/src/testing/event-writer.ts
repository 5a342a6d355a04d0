/** Appends events to the log in the folder given, and says each number once it was appended, until it is killed. */
import fs from "node:fs";
import { EventLog } from "../event-log.ts";

const log = new EventLog(process.argv[2] ?? "");
for (;;) {
  const { seq } = log.append({
    kind: "drill",
    severity: "info",
    actor: { who: "system", from: "test" },
    subject: "link",
    message: "x".repeat(200),
    before: null,
    after: null,
  });
  fs.writeSync(1, `${seq}\n`);
}
