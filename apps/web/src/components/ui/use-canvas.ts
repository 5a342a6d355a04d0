"use client";
/** Draws on a canvas about thirty times a second, or once a second where less motion is asked for, and not while hidden. */
import { useTheme } from "next-themes";
import { type RefObject, useEffect, useRef } from "react";

export interface Frame {
  ctx: CanvasRenderingContext2D;
  width: number;
  height: number;
  colour: (name: string) => string;
}

const FRAME_MS = 33;
const CALM_FRAME_MS = 1000;

export function useCanvas(draw: (frame: Frame) => void): RefObject<HTMLCanvasElement | null> {
  const ref = useRef<HTMLCanvasElement>(null);
  const latest = useRef(draw);
  const { resolvedTheme } = useTheme();
  useEffect(() => {
    latest.current = draw;
  }, [draw]);
  useEffect(() => {
    const canvas = ref.current;
    const ctx = canvas?.getContext("2d");
    if (!canvas || !ctx) return;
    return run(canvas, ctx, resolvedTheme, (frame) => latest.current(frame));
  }, [resolvedTheme]);
  return ref;
}

/** Colours are read once for each theme, for which it starts anew: reading styles in every frame forces layouts. */
function run(
  canvas: HTMLCanvasElement,
  ctx: CanvasRenderingContext2D,
  theme: string | undefined,
  draw: (frame: Frame) => void,
): () => void {
  const styles = getComputedStyle(canvas);
  ctx.canvas.dataset.drawnFor = theme ?? "";
  const colours = new Map<string, string>();
  const colour = (name: string) => {
    const found = colours.get(name) ?? styles.getPropertyValue(`--${name}`).trim();
    colours.set(name, found);
    return found;
  };
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let request = 0;
  let last = Number.NEGATIVE_INFINITY;
  const frame = (time: number) => {
    request = requestAnimationFrame(frame);
    if (time - last < (calm.matches ? CALM_FRAME_MS : FRAME_MS) - 4) return;
    last = time;
    const ratio = devicePixelRatio;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (
      canvas.width !== Math.round(width * ratio) ||
      canvas.height !== Math.round(height * ratio)
    ) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw({ ctx, width, height, colour });
  };
  request = requestAnimationFrame(frame);
  return () => cancelAnimationFrame(request);
}
