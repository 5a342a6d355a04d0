/** A process to be killed: appends records to the journal in the folder it is given, and prints each number it has. */
import fs from "node:fs";
import { JournalFile } from "../journal-file.ts";
import { STREAM_A, writeRecord } from "./journal-records.ts";

const folder = process.argv[2];
if (folder === undefined) throw new Error("no folder was given");
const journal = JournalFile.fresh({ folder, limitBytes: 2 ** 30 });
for (let number = 1; ; number++) {
  const record = writeRecord(STREAM_A, number, 512 * (1 + (number % 40)));
  const parts = [record.subarray(0, 64), record.subarray(64)];
  if (journal.append(parts, number, number, 1) !== null) throw new Error("the journal is full");
  fs.writeSync(1, `${number}\n`);
}
