/** What doctor found, the worst first, each with its remedy below it. */
import type { Finding } from "@lockstep/model";
import type { Painter } from "../output/painter.ts";
import { severity } from "../output/states.ts";

const order = ["error", "warning", "ok"] as const;

export function findingsView(findings: Finding[], paint: Painter): string {
  if (findings.length === 0) return paint("green", "nothing to complain about");
  const width = Math.max(...order.map((level) => level.length));
  const lines = order.flatMap((level) =>
    findings
      .filter((finding) => finding.severity === level)
      .flatMap(({ subject, message, remedy }) => {
        const mark = severity(level, paint) + " ".repeat(width - level.length);
        const first = `${mark}  ${paint("bold", subject)}: ${message}`;
        return remedy === null ? [first] : [first, `${" ".repeat(width + 2)}${remedy}`];
      }),
  );
  return lines.join("\n");
}
