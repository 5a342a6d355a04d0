/**
 * Vital product data pages (SPC-4 section 7.8, SBC-3 section 6.6): serial number, identification, block limits, block
 * characteristics, logical block provisioning. What identifies a unit is derived from its UUID alone, so that both
 * servers' copies of a LUN are one unit to a host.
 */
import { createHash } from "node:crypto";
import { LOGICAL_BLOCK_BYTES, PHYSICAL_BLOCK_BYTES } from "@lockstep/model";
import { MAX_TRANSFER_BLOCKS } from "./operation.ts";
import type { Unit } from "./unit.ts";
import { MAX_UNMAP_BLOCKS, MAX_UNMAP_DESCRIPTORS } from "./unmap.ts";
import { VENDOR } from "./vendor.ts";
import { MAX_WRITE_SAME_BLOCKS } from "./write-same.ts";

const BLOCKS_PER_PHYSICAL = PHYSICAL_BLOCK_BYTES / LOGICAL_BLOCK_BYTES;
/** One megabyte: beyond that, larger transfers gain nothing. */
const OPTIMAL_TRANSFER_BLOCKS = 2048;

function serialNumber(unit: Unit): Buffer {
  return Buffer.from(unit.logical.identity.uuid, "latin1");
}

function designator(codeSet: number, type: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([codeSet, type, 0, value.length]), value]);
}

/** NAA 3h, locally assigned: 60 bits of our own, a digest of the UUID. */
function locallyAssignedName(unit: Unit): Buffer {
  const name = createHash("sha256").update(unit.logical.identity.uuid).digest().subarray(0, 8);
  name[0] = 0x30 | ((name[0] as number) & 0x0f);
  return name;
}

function identification(unit: Unit): Buffer {
  const t10 = Buffer.from(VENDOR.padEnd(8) + unit.logical.identity.uuid, "latin1");
  return Buffer.concat([
    designator(0x01, 0x03, locallyAssignedName(unit)),
    designator(0x02, 0x01, t10),
  ]);
}

function blockLimits(): Buffer {
  const page = Buffer.alloc(60);
  // WSNZ: WRITE SAME needs a number of blocks.
  page[0] = 0x01;
  // Optimal transfer length granularity: the physical block.
  page.writeUInt16BE(BLOCKS_PER_PHYSICAL, 2);
  page.writeUInt32BE(MAX_TRANSFER_BLOCKS, 4);
  page.writeUInt32BE(OPTIMAL_TRANSFER_BLOCKS, 8);
  page.writeUInt32BE(MAX_UNMAP_BLOCKS, 16);
  page.writeUInt32BE(MAX_UNMAP_DESCRIPTORS, 20);
  page.writeUInt32BE(BLOCKS_PER_PHYSICAL, 24);
  // UGAVALID: the granularity's alignment is valid, and 0.
  page.writeUInt32BE(0x8000_0000, 28);
  page.writeUInt32BE(0, 32);
  page.writeUInt32BE(MAX_WRITE_SAME_BLOCKS, 36);
  return page;
}

function blockCharacteristics(): Buffer {
  const page = Buffer.alloc(60);
  // Medium rotation rate 1: does not rotate.
  page.writeUInt16BE(1, 0);
  return page;
}

function provisioning(): Buffer {
  // LBPU, LBPWS, LBPWS10 and LBPRZ; provisioning type 2: thin.
  return Buffer.from([0, 0xe4, 0x02, 0]);
}

const pages: ReadonlyMap<number, (unit: Unit) => Buffer> = new Map([
  [0x00, () => Buffer.from([...pages.keys()])],
  [0x80, serialNumber],
  [0x83, identification],
  [0xb0, blockLimits],
  [0xb1, blockCharacteristics],
  [0xb2, provisioning],
]);

/** A whole page with its head, or null when there is no such page. */
export function vitalProductData(unit: Unit, code: number): Buffer | null {
  const page = pages.get(code);
  if (!page) return null;
  const body = page(unit);
  const head = Buffer.from([0x00, code, 0, 0]);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}
