/**
 * A connection thread (SPEC L1, L2, H4): one port, one worker of the peer, the mirror copies of that worker's LUNs. It is
 * started anew whenever connections are made again, and exits when its connection is closed, when it is told to, or when
 * nothing came for T3 and its element is marked closed or old.
 */
import path from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { openFile } from "@lockstep/block";
import { MirrorCopy, MirrorMark } from "@lockstep/engine";
import {
  ConnectionArray,
  keyedHash,
  MappedNote,
  MirrorListener,
  monotonicMs,
} from "@lockstep/engine/io";
import { MARK_FILE } from "../records.ts";
import { StableFile } from "../stable-file.ts";
import type {
  ConnectionThreadData,
  ConnectionThreadNote,
  ConnectionThreadReport,
  CopySpec,
} from "./messages.ts";

const data = workerData as ConnectionThreadData;
const port = parentPort;
if (port === null) throw new Error("a connection thread needs a main thread");
const array = ConnectionArray.attach(data.array);

const report = (message: ConnectionThreadReport): void => port.postMessage(message);

/** Who waits to be told of a LUN's copy, in the order of the questions: the answers come in the same. */
const wanted = new Map<string, ((spec: CopySpec | string) => void)[]>();
const notes = new Map<string, MappedNote>();
let lastRequestAt = monotonicMs();
let ending = false;

const listener = new MirrorListener({
  host: data.host,
  self: data.self,
  peer: data.peer,
  epoch: data.epoch,
  index: data.index,
  hash: keyedHash(data.secret, "stream"),
  need: (uuid, ready) => {
    const asked = wanted.get(uuid) ?? [];
    wanted.set(uuid, asked);
    asked.push((spec) => {
      if (typeof spec === "string") {
        ready(spec);
        return;
      }
      void openCopy(spec).then(ready, (error: Error) => ready(error.message));
    });
    report({ report: "need", uuid });
  },
  connected: () => {
    array.in.setConnected(data.index, true);
    report({ report: "connected" });
  },
  ended: (reason) => end(reason),
  stranger: (from, reason) => report({ report: "stranger", from, reason }),
  received: (bytes) => {
    lastRequestAt = monotonicMs();
    array.in.addBytes(data.index, bytes);
  },
});

async function openCopy(spec: CopySpec): Promise<MirrorCopy> {
  const { uuid, name } = spec;
  const marks = new StableFile(path.join(spec.folder, "mirror-mark"), MirrorMark, MARK_FILE);
  const mark = await marks.read();
  const note = new MappedNote(path.join(spec.folder, "applied"));
  notes.set(uuid, note);
  const copy = new MirrorCopy({
    local: openFile(spec.backingPath),
    note,
    marks: { write: (value, done) => marks.write(value, (error) => done(error?.message ?? null)) },
    mark,
    kernelBootId: data.kernelBootId,
    answer: (kind, stream, number, stable, payload) =>
      listener.answer(uuid, kind, stream, number, stable, payload),
    failed: (message) =>
      report({
        report: "event",
        kind: "storage-error",
        severity: "error",
        lun: name,
        message: `the mirror copy could not be written: ${message}`,
      }),
    changed: () => report({ report: "copy", uuid, condition: copy.condition }),
  });
  report({ report: "copy", uuid, condition: copy.condition });
  return copy;
}

/** SPEC H4. A stall of our own (H5) makes nothing old: only what the heartbeat receiver has looked past counts. */
function watchIdle(): void {
  if (ending) return;
  const { t3 } = array.settings().settings;
  const idleMs = monotonicMs() - lastRequestAt;
  if (idleMs >= t3) {
    const timestamp = array.in.timestampMs(data.index);
    const old = timestamp !== null && array.drainedMs >= timestamp + t3;
    if (array.in.closed(data.index) || old) {
      end(`no request for ${Math.round(idleMs)} ms, and its element is ${old ? "old" : "closed"}`);
      return;
    }
  }
  setTimeout(watchIdle, Math.max(10, idleMs >= t3 ? t3 : t3 - idleMs));
}

function forget(uuid: string): void {
  listener.forget(uuid, () => {
    notes.get(uuid)?.close();
    notes.delete(uuid);
    report({ report: "forgotten", uuid });
  });
}

function end(reason: string): void {
  if (ending) return;
  ending = true;
  array.in.setConnected(data.index, false);
  listener.close(reason);
  const copies = [...listener.copies()];
  let left = copies.length;
  const exit = (): void => {
    for (const note of notes.values()) note.close();
    process.exit(0);
  };
  if (left === 0) exit();
  for (const copy of copies) {
    copy.end(() => {
      if (--left === 0) exit();
    });
  }
}

port.on("message", (message: ConnectionThreadNote) => {
  switch (message.note) {
    case "close":
      end(message.reason);
      return;
    case "forget":
      forget(message.uuid);
      return;
    case "copy":
      wanted.get(message.uuid)?.shift()?.(message.spec);
      return;
  }
});

report({ report: "listening", port: await listener.listen() });
watchIdle();
