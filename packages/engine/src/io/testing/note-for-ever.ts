/** Notes one number after the other until it is killed; tells when it has noted a thousand. */
import { MappedNote } from "../applied-note.ts";

const note = new MappedNote(process.argv[2] ?? "");
note.turn({ hi: 3, lo: 4 }, 0);
const step = (number: number): void => {
  for (let i = 0; i < 1000; i++) note.set(number + i);
  if (number === 1) process.send?.("noted");
  setImmediate(step, number + 1000);
};
step(1);
