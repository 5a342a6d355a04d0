import { describe, expect, it } from "vitest";
import {
  blockDeviceContract,
  CONTRACT_BYTES,
  MemoryDevice,
  pattern,
  Submitter,
} from "../contract.ts";

const claims = { tellsHoles: true, freesSpace: true, canResize: true };

for (const completion of ["at-once", "later"] as const) {
  blockDeviceContract(`memory, completing ${completion}`, claims, () => {
    const device = new MemoryDevice(CONTRACT_BYTES, completion);
    return { device, allocatedBytes: () => device.allocatedBytes(), dispose: () => {} };
  });
}

describe("memory device", () => {
  it("knows what a power loss would take", async () => {
    const device = new MemoryDevice(CONTRACT_BYTES);
    const io = new Submitter(device);
    await io.must({ op: "write", buffer: pattern(512, 1) });
    await io.must({ op: "write", buffer: pattern(512, 2) });
    expect(device.unstableWrites).toBe(2);
    await io.must({ op: "flush" });
    expect(device.unstableWrites).toBe(0);
  });
});
