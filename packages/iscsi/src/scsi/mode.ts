/**
 * MODE SENSE 6 and 10 (SPC-4 sections 6.13, 6.14) with the caching and control pages. Nothing can be changed by MODE
 * SELECT: the write cache is a setting of the LUN.
 */
import type { Operation } from "./operation.ts";
import { senses } from "./sense.ts";
import type { Task } from "./task.ts";
import type { Unit } from "./unit.ts";

const CACHING = 0x08;
const CONTROL = 0x0a;
const ALL_PAGES = 0x3f;
const ALL_SUBPAGES = 0xff;
/** Page control (byte 2, bits 7-6). */
const CHANGEABLE = 1;
const SAVED = 3;
/** Device-specific parameter: DPO and FUA are understood. */
const DPOFUA = 0x10;

function cachingPage(unit: Unit, changeable: boolean): Buffer {
  const page = Buffer.alloc(20);
  page[0] = CACHING;
  page[1] = page.length - 2;
  // WCE.
  if (!changeable && unit.logical.writeCache) page[2] = 0x04;
  return page;
}

function controlPage(changeable: boolean): Buffer {
  const page = Buffer.alloc(12);
  page[0] = CONTROL;
  page[1] = page.length - 2;
  if (changeable) return page;
  // Queue algorithm modifier 1: simple commands may be reordered at will.
  page[3] = 0x10;
  // Busy timeout period: unlimited.
  page.writeUInt16BE(0xffff, 8);
  return page;
}

/** The pages asked for, or null when there are none such. */
function pagesOf(unit: Unit, code: number, subpage: number, changeable: boolean): Buffer[] | null {
  if (subpage !== 0 && !(code === ALL_PAGES && subpage === ALL_SUBPAGES)) return null;
  const caching = () => cachingPage(unit, changeable);
  const control = () => controlPage(changeable);
  if (code === CACHING) return [caching()];
  if (code === CONTROL) return [control()];
  return code === ALL_PAGES ? [caching(), control()] : null;
}

function blockDescriptor(unit: Unit, long: boolean): Buffer {
  if (long) {
    const descriptor = Buffer.alloc(16);
    descriptor.writeBigUInt64BE(BigInt(unit.blocks), 0);
    descriptor.writeUInt32BE(unit.blockBytes, 12);
    return descriptor;
  }
  const descriptor = Buffer.alloc(8);
  descriptor.writeUInt32BE(Math.min(unit.blocks, 0xffff_ffff), 0);
  descriptor.writeUInt32BE(unit.blockBytes, 4);
  return descriptor;
}

function modeSense(task: Task, cdb: Buffer, at: number, long: boolean): void {
  const unit = task.target;
  const flags = cdb[at + 1] as number;
  const byte2 = cdb[at + 2] as number;
  const control = byte2 >> 6;
  if (control === SAVED) {
    task.fail(senses.savingNotSupported);
    return;
  }
  const subpage = cdb[at + 3] as number;
  const pages = pagesOf(unit, byte2 & 0x3f, subpage, control === CHANGEABLE);
  if (!pages) {
    task.fail(senses.invalidFieldInCdb);
    return;
  }
  const longLba = long && (flags & 0x10) !== 0;
  const descriptor = (flags & 0x08) !== 0 ? Buffer.alloc(0) : blockDescriptor(unit, longLba);
  const head = Buffer.alloc(long ? 8 : 4);
  const body = Buffer.concat([head, descriptor, ...pages]);
  if (long) {
    body.writeUInt16BE(body.length - 2, 0);
    body[3] = DPOFUA;
    body[4] = longLba ? 1 : 0;
    body.writeUInt16BE(descriptor.length, 6);
  } else {
    body[0] = body.length - 1;
    body[2] = DPOFUA;
    body[3] = descriptor.length;
  }
  task.reply(body, long ? cdb.readUInt16BE(at + 7) : (cdb[at + 4] as number));
}

export const modeOperations: readonly Operation[] = [
  {
    run: (task, cdb, at) => modeSense(task, cdb, at, false),
    usage: [0x1a, 0x08, 0xff, 0xff, 0xff, 0x07],
  },
  {
    run: (task, cdb, at) => modeSense(task, cdb, at, true),
    usage: [0x5a, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0x07],
  },
];
