/** Colour for people at a terminal and for nobody else: a painter wraps text in styles, or leaves it as it is. */
import { styleText } from "node:util";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";
export type Painter = (style: Style, text: string) => string;

export const plain: Painter = (_style, text) => text;

const coloured: Painter = (style, text) => styleText(style, text, { validateStream: false });

/** The painter for `stream`: no colour unless it is a terminal that wants some (NO_COLOR, TERM=dumb). */
export function painterFor(stream: NodeJS.WriteStream): Painter {
  const wanted = stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb";
  return wanted ? coloured : plain;
}
