import { describe, expect, it } from "vitest";
import { hostLines } from "./host-lines.ts";

const target = { iqn: "iqn.2026-11.dev.lockstep:alpha.db", portals: ["10.0.0.1:3260"] };

describe("lines for hosts", () => {
  it("name the portal, the target and the LUN number for each initiator", () => {
    const lines = hostLines({ target, number: 3, name: "db" });
    expect(lines.map(({ initiator }) => initiator)).toEqual(["open-iscsi", "QEMU", "libiscsi"]);
    for (const { text } of lines) {
      expect(text).toContain("10.0.0.1:3260");
      expect(text).toContain(target.iqn);
    }
    expect(lines[2]?.text).toContain("iscsi://10.0.0.1:3260/iqn.2026-11.dev.lockstep:alpha.db/3");
  });

  it("are none where no portal is", () => {
    expect(hostLines({ target: { ...target, portals: [] }, number: 0, name: "db" })).toEqual([]);
  });
});
