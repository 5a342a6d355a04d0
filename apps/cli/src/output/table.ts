/** Aligned tables and lists of facts as text. Widths count what a terminal shows, not the colour codes. */
import { stripVTControlCharacters } from "node:util";
import type { Painter } from "./painter.ts";

export interface Column {
  title: string;
  align?: "left" | "right";
}

const GAP = "  ";

function width(text: string): number {
  return stripVTControlCharacters(text).length;
}

function pad(text: string, to: number, align: Column["align"]): string {
  const fill = " ".repeat(Math.max(0, to - width(text)));
  return align === "right" ? fill + text : text + fill;
}

/** A table with a heading line. Trailing blanks are cut, so that output can be compared and copied. */
export function table(
  columns: readonly Column[],
  rows: readonly string[][],
  paint: Painter,
): string {
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...rows.map((row) => width(row[i] ?? ""))),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => pad(cell, widths[i] ?? 0, columns[i]?.align))
      .join(GAP)
      .trimEnd();
  const heading = columns.map((column, i) =>
    paint("dim", pad(column.title, widths[i] ?? 0, column.align)),
  );
  return [heading.join(GAP).trimEnd(), ...rows.map(line)].join("\n");
}

/** Names and values in two columns, one fact a line; a fact without a value is left out. */
export function facts(
  pairs: readonly (readonly [string, string | null])[],
  paint: Painter,
): string {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== null);
  const nameWidth = Math.max(0, ...shown.map(([name]) => name.length));
  return shown
    .map(([name, value]) => `${paint("dim", name.padEnd(nameWidth))}${GAP}${value}`)
    .join("\n");
}
