/**
 * Draws one heartbeat signal as a strip-chart recorder would: time runs to the right and ends now, each beat is a spike,
 * a missed beat a hollow tick where it was due, silence longer than T1 a dashed line with its length. Where nothing is
 * known (before the page was opened, after the connection to the server was lost) there is no line at all.
 */
import { clock, duration } from "./format.ts";
import { gaps, type Pulses } from "./pulses.ts";
import { ticks } from "./timeline.ts";

export interface StripColours {
  ink: string;
  faint: string;
  grid: string;
  bad: string;
  badWash: string;
  wait: string;
  sheet: string;
}

export interface Strip {
  width: number;
  height: number;
  beats: readonly number[];
  known: Pick<Pulses, "sinceMs" | "untilMs"> | null;
  /** Whether `known.untilMs` is now: figures are live. */
  live: boolean;
  nowMs: number;
  windowMs: number;
  t1Ms: number;
  t2Ms: number;
  axis: boolean;
  colours: StripColours;
}

const AXIS_PX = 16;
const MIN_BEATS_SHOWN = 40;
const SHORTEST_WINDOW_MS = 6000;
const LONGEST_WINDOW_MS = 60_000;

/** How much time a strip shows: enough beats to see their rhythm. */
export function stripWindowMs(t2Ms: number): number {
  return Math.min(Math.max(t2Ms * MIN_BEATS_SHOWN, SHORTEST_WINDOW_MS), LONGEST_WINDOW_MS);
}

export function drawStrip(ctx: CanvasRenderingContext2D, strip: Strip): void {
  ctx.clearRect(0, 0, strip.width, strip.height);
  drawGrid(ctx, strip);
  const { known } = strip;
  if (known === null) return;
  const until = strip.live ? strip.nowMs : known.untilMs;
  drawUnknown(ctx, strip, known.sinceMs, until);
  const silences = gaps(strip.beats, { sinceMs: known.sinceMs, untilMs: until }, strip.t1Ms);
  drawMissed(ctx, strip, known.untilMs);
  drawTrace(ctx, strip, known.sinceMs, until, silences);
  for (const silence of silences) drawSilence(ctx, strip, silence.from, silence.to);
}

function xOf(strip: Strip, atMs: number): number {
  return strip.width * (1 - (strip.nowMs - atMs) / strip.windowMs);
}

function baseline({ height, axis }: Strip): number {
  return Math.round((height - (axis ? AXIS_PX : 0)) * 0.62) + 0.5;
}

function drawGrid(ctx: CanvasRenderingContext2D, strip: Strip): void {
  const { width, height, nowMs, windowMs, colours, axis } = strip;
  const range = { from: nowMs - windowMs, to: nowMs };
  const floor = height - (axis ? AXIS_PX : 0);
  ctx.fillStyle = colours.grid;
  for (const tick of ticks(range, 24)) ctx.fillRect(Math.round(xOf(strip, tick.at)), 0, 1, floor);
  for (let y = floor - 12; y > 0; y -= 12) ctx.fillRect(0, y, width, 1);
  ctx.fillStyle = colours.faint;
  ctx.fillRect(0, floor, width, axis ? 1 : 0);
  if (!axis) return;
  ctx.font = "10.5px 'JetBrains Mono Variable', monospace";
  ctx.textAlign = "center";
  ctx.textBaseline = "bottom";
  for (const tick of ticks(range, Math.max(2, Math.floor(width / 110)))) {
    const x = xOf(strip, tick.at);
    if (x < 30 || x > width - 30) continue;
    ctx.fillRect(Math.round(x), floor, 1, 4);
    ctx.fillText(clock(tick.at), x, height);
  }
}

function drawUnknown(ctx: CanvasRenderingContext2D, strip: Strip, from: number, to: number): void {
  const left = Math.min(strip.width, Math.max(0, xOf(strip, from)));
  const right = Math.min(strip.width, xOf(strip, to));
  ctx.fillStyle = strip.colours.faint;
  ctx.font = "11px 'Inter Variable', sans-serif";
  ctx.textBaseline = "middle";
  const before = "not watched before this page was opened";
  if (left > ctx.measureText(before).width + 16) {
    ctx.textAlign = "right";
    ctx.fillText(before, left - 8, baseline(strip));
  }
  if (!strip.live && strip.width - right > 60) {
    ctx.textAlign = "left";
    ctx.fillText("unknown", right + 8, baseline(strip));
  }
}

function drawTrace(
  ctx: CanvasRenderingContext2D,
  strip: Strip,
  sinceMs: number,
  until: number,
  silences: readonly { from: number; to: number }[],
): void {
  const y = baseline(strip);
  const half = Math.min(9, (strip.width / strip.windowMs) * strip.t2Ms * 0.4);
  const tall = y - 6;
  ctx.strokeStyle = strip.colours.ink;
  ctx.lineWidth = half < 3 ? 1 : 1.5;
  ctx.lineJoin = "round";
  ctx.beginPath();
  ctx.moveTo(Math.max(0, xOf(strip, sinceMs)), y);
  let silence = 0;
  for (const beat of strip.beats) {
    const x = xOf(strip, beat);
    while ((silences[silence]?.to ?? Number.POSITIVE_INFINITY) <= beat) {
      const gap = silences[silence++];
      if (!gap) break;
      ctx.lineTo(xOf(strip, gap.from) + half, y);
      ctx.moveTo(x - half, y);
    }
    if (x < -half) {
      ctx.moveTo(Math.max(x, 0), y);
      continue;
    }
    spike(ctx, x, y, half, tall);
  }
  const last = silences[silence];
  const end = last ? last.from : until;
  ctx.lineTo(Math.max(xOf(strip, end), 0), y);
  ctx.stroke();
}

function spike(ctx: CanvasRenderingContext2D, x: number, y: number, half: number, tall: number) {
  ctx.lineTo(x - half, y);
  ctx.lineTo(x - half * 0.6, y - tall * 0.1);
  ctx.lineTo(x - half * 0.3, y + tall * 0.08);
  ctx.lineTo(x, y - tall);
  ctx.lineTo(x + half * 0.32, y + tall * 0.3);
  ctx.lineTo(x + half * 0.6, y);
}

/** A beat that was due, and by the newest figures had not come more than half an interval later. */
function drawMissed(ctx: CanvasRenderingContext2D, strip: Strip, knownUntil: number): void {
  const y = baseline(strip);
  ctx.strokeStyle = strip.colours.bad;
  ctx.lineWidth = 1;
  const edges = [...strip.beats, knownUntil];
  ctx.beginPath();
  for (const [index, to] of edges.entries()) {
    const from = index === 0 ? to : (edges[index - 1] ?? to);
    for (let due = from + strip.t2Ms; due < to - strip.t2Ms * 0.6; due += strip.t2Ms) {
      const x = Math.round(xOf(strip, due)) + 0.5;
      if (x < 0) continue;
      ctx.moveTo(x, y - 4);
      ctx.lineTo(x, y + 4);
    }
  }
  ctx.stroke();
}

function drawSilence(ctx: CanvasRenderingContext2D, strip: Strip, from: number, to: number): void {
  const y = baseline(strip);
  const left = Math.max(0, xOf(strip, from));
  const right = Math.min(strip.width, xOf(strip, to));
  if (right <= left) return;
  ctx.fillStyle = strip.colours.badWash;
  ctx.globalCompositeOperation = "destination-over";
  ctx.fillRect(left, 0, right - left, strip.height - (strip.axis ? AXIS_PX : 0));
  ctx.globalCompositeOperation = "source-over";
  ctx.strokeStyle = strip.colours.bad;
  ctx.lineWidth = 1.5;
  ctx.setLineDash([2, 5]);
  ctx.beginPath();
  ctx.moveTo(left, y);
  ctx.lineTo(right, y);
  ctx.stroke();
  ctx.setLineDash([]);
  if (right - left < 96) return;
  ctx.font = "600 11.5px 'Inter Variable', sans-serif";
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillStyle = strip.colours.bad;
  // One that began before anything was watched is longer than what is seen of it.
  const known = from === strip.known?.sinceMs ? "silent" : `silent for ${duration(to - from)}`;
  ctx.fillText(known, (left + right) / 2, y - 16);
}
