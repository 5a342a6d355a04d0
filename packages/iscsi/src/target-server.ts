/**
 * The targets of one worker thread: their units and sessions (SPEC S1). Sessions come as sockets that the portal handed
 * over, or from another worker; they leave by logout, by closing their target, or by moving on to another worker.
 */
import assert from "node:assert/strict";
import { type LoginStatus, loginStatus } from "./login/login-status.ts";
import { LoginNegotiation } from "./login/negotiation.ts";
import { formatText } from "./login/text.ts";
import { SlabPool } from "./pdu/slab.ts";
import { type Sense, senses } from "./scsi/sense.ts";
import { type LogicalUnit, Unit } from "./scsi/unit.ts";
import { Keepalive, type KeepaliveTimes } from "./session/keepalive.ts";
import { Session } from "./session/session.ts";
import type { EndReason, LoginDecision, SessionHost } from "./session/session-host.ts";
import type { LoginHandoff, SessionState } from "./session/session-state.ts";
import { attach, closeDetached, detach } from "./socket-handoff.ts";

/** Sessions of one target, logging in or logged in. Beyond: "out of resources". */
const MAX_SESSIONS_PER_TARGET = 256;
/** Connections that only get their refusal. Beyond: closed. */
const MAX_STRANGERS = 64;
/** How long sessions may take to become idle before a move closes them, in milliseconds. */
const DRAIN_LIMIT_MS = 5000;
/** How long initiators may take to log out when asked, in milliseconds. */
const LOGOUT_LIMIT_MS = 3000;
/** One portal group: every portal leads to every target. */
export const PORTAL_GROUP_TAG = 1;

interface Target {
  readonly iqn: string;
  readonly units: readonly Unit[];
  readonly sessions: Set<Session>;
  state: "open" | "draining" | "closing";
  /** Called when the last session has ended. */
  onEmpty: (() => void) | null;
  /** Logins that came while the target moves: they move along unread. */
  readonly waiting: LoginHandoff[];
}

export interface TargetServerOptions {
  /** Portals of a target as SendTargets names them: "HOST:PORT,TAG". */
  portals(iqn: string): readonly string[];
  /** A session has ended or a login failed. */
  onEnd?(session: SessionSummary, reason: EndReason): void;
  onLogin?(session: SessionSummary): void;
  /** A login for a target that has moved away from here: whoever knows its new owner sends it on. */
  onMovedAway?(handoff: LoginHandoff): void;
  keepalive?: KeepaliveTimes;
}

export interface SessionSummary {
  readonly targetName: string;
  readonly initiator: string;
  readonly address: string;
}

/** What is left of a target that moves: sessions, and logins not begun. Structured-cloneable. */
export interface DrainedTarget {
  readonly sessions: readonly SessionState[];
  readonly logins: readonly LoginHandoff[];
}

const changes = {
  capacity: senses.capacityChanged,
  mode: senses.modeParametersChanged,
  luns: senses.reportedLunsChanged,
} as const satisfies Record<string, Sense>;

export type UnitChange = keyof typeof changes;

export class TargetServer implements SessionHost {
  readonly pool = new SlabPool();
  readonly #options: TargetServerOptions;
  readonly #targets = new Map<string, Target>();
  /** Sessions whose target is unknown: they only get their refusal. */
  readonly #strangers = new Set<Session>();
  readonly #keepalive: Keepalive;
  /** Targets that were drained here: logins may still be on their way. */
  readonly #movedAway = new Set<string>();
  #toFlush: Session[] = [];

  constructor(options: TargetServerOptions) {
    this.#options = options;
    this.#keepalive = new Keepalive(options.keepalive, () => this.#allSessions());
  }

  *#allSessions(): Iterable<Session> {
    for (const target of this.#targets.values()) yield* target.sessions;
    yield* this.#strangers;
  }

  addTarget(iqn: string, units: readonly LogicalUnit[]): void {
    assert(!this.#targets.has(iqn), `target ${iqn} is there already`);
    this.#movedAway.delete(iqn);
    const sorted = units.map((unit) => new Unit(unit)).sort((a, b) => a.number - b.number);
    this.#targets.set(iqn, {
      iqn,
      units: sorted,
      sessions: new Set(),
      state: "open",
      onEmpty: null,
      waiting: [],
    });
  }

  /** Forgets a target that has no sessions any more, after `closeTarget` or `drain`. */
  removeTarget(iqn: string): void {
    const target = this.#targets.get(iqn);
    assert(!target || target.sessions.size === 0, `target ${iqn} still has sessions`);
    this.#targets.delete(iqn);
  }

  /** Takes a connection over from the portal. An unknown target is answered as not found. */
  adopt(handoff: LoginHandoff): void {
    const target = this.#targets.get(handoff.targetName);
    if (target?.state === "draining") {
      target.waiting.push(handoff);
      return;
    }
    if (!target && this.#movedAway.has(handoff.targetName) && this.#options.onMovedAway) {
      this.#options.onMovedAway(handoff);
      return;
    }
    const sessions = target?.sessions ?? this.#strangers;
    // As many again may be logging in: `admit` refuses those that are too many with a status.
    if (sessions.size >= (target ? 2 * MAX_SESSIONS_PER_TARGET : MAX_STRANGERS)) {
      closeDetached(handoff.fd);
      return;
    }
    const socket = attach(handoff.fd);
    const negotiation = new LoginNegotiation({
      portalGroupTag: PORTAL_GROUP_TAG,
      collectedText: handoff.collectedText,
    });
    const session = Session.forLogin(this, socket, handoff, negotiation);
    if (session.phase === "closed") return;
    sessions.add(session);
    this.#keepalive.start();
  }

  /** Goes on with sessions that another worker drained; the target was added before. */
  resume(drained: DrainedTarget): void {
    for (const state of drained.sessions) {
      const target = this.#targets.get(state.targetName);
      if (target?.state !== "open") {
        closeDetached(state.fd);
        continue;
      }
      const session = Session.fromState(this, attach(state.fd), state, target.units);
      if (session.phase !== "closed") target.sessions.add(session);
    }
    this.#keepalive.start();
    for (const handoff of drained.logins) this.adopt(handoff);
  }

  sessions(iqn: string): SessionSummary[] {
    const target = this.#targets.get(iqn);
    if (!target) return [];
    return [...target.sessions].filter(({ phase }) => phase === "full-feature").map(summary);
  }

  /**
   * Ends all sessions of a target: asks them to log out, then closes them; `done` when nothing of them is under way on
   * the devices. New logins are refused from now on.
   */
  closeTarget(iqn: string, done: () => void): void {
    const target = this.#targets.get(iqn);
    if (!target || target.sessions.size === 0) {
      if (target) target.state = "closing";
      done();
      return;
    }
    target.state = "closing";
    const timer = setTimeout(() => {
      for (const session of [...target.sessions]) session.close("target-closed");
    }, LOGOUT_LIMIT_MS);
    target.onEmpty = () => {
      clearTimeout(timer);
      done();
    };
    for (const session of [...target.sessions]) {
      if (session.phase === "full-feature") session.askForLogout();
      else session.close("target-closed");
    }
  }

  /**
   * Gives a target away (SPEC S1): starts no new command, ends those under way, and hands over connections with all
   * that is not carried out. Sessions that don't become idle in time are closed. The target is removed afterwards.
   */
  drain(iqn: string, done: (drained: DrainedTarget) => void): void {
    const target = this.#targets.get(iqn);
    assert(target?.state === "open", `target ${iqn} is not open`);
    target.state = "draining";
    const states: SessionState[] = [];
    const left = new Set(target.sessions);
    const timer = setTimeout(() => {
      for (const session of [...left]) session.close("moved");
    }, DRAIN_LIMIT_MS);
    const finish = () => {
      clearTimeout(timer);
      this.#targets.delete(iqn);
      this.#movedAway.add(iqn);
      done({ sessions: states, logins: target.waiting });
    };
    if (left.size === 0) finish();
    for (const session of [...left]) {
      session.drain(detach, (state) => {
        if (state) states.push(state);
        target.sessions.delete(session);
        left.delete(session);
        if (left.size === 0) finish();
      });
    }
  }

  /** Tells all initiators at their next command that something about a unit changed. */
  unitChanged(iqn: string, lun: number, change: UnitChange): void {
    const target = this.#targets.get(iqn);
    const unit = target?.units.find(({ number }) => number === lun);
    if (!target || !unit) return;
    for (const session of target.sessions) session.attentions.add(unit, changes[change]);
  }

  /** Closes all connections at once. */
  close(): void {
    this.#keepalive.stop();
    for (const session of [...this.#allSessions()]) session.close("target-closed");
  }

  // What sessions ask of their host.

  admit(
    session: Session,
    login: LoginNegotiation,
    tsih: number,
    decide: (decision: LoginDecision) => void,
  ): void {
    const target = this.#targets.get(login.targetName);
    const refuse = (status: LoginStatus) => decide({ kind: "refused", status });
    if (login.sessionType === "Discovery") {
      refuse(loginStatus.sessionTypeNotSupported);
      return;
    }
    if (!target || login.targetName !== session.targetName) {
      refuse(loginStatus.targetNotFound);
      return;
    }
    if (target.state === "closing") {
      refuse(loginStatus.targetRemoved);
      return;
    }
    if (tsih !== 0) {
      const known = [...target.sessions].some((other) => other.tsih === tsih);
      refuse(known ? loginStatus.tooManyConnections : loginStatus.sessionDoesNotExist);
      return;
    }
    if (target.sessions.size > MAX_SESSIONS_PER_TARGET) {
      refuse(loginStatus.outOfResources);
      return;
    }
    const admitted = () =>
      decide({ kind: "admitted", tsih: freeTsih(target.sessions), units: target.units });
    this.#reinstate(target, session, () => {
      admitted();
      if (session.phase === "full-feature") this.#options.onLogin?.(summary(session));
    });
  }

  /** Ends sessions that `session` takes the place of (RFC 7143 section 6.3.5): their tasks must be gone first. */
  #reinstate(target: Target, session: Session, then: () => void): void {
    let left = 1;
    const gone = () => {
      left--;
      if (left === 0) then();
    };
    for (const other of [...target.sessions]) {
      const same = other.isid === session.isid && other.initiatorName === session.initiatorName;
      if (other === session || !same) continue;
      left++;
      other.onEnded.push(gone);
      other.close("reinstated");
    }
    gone();
  }

  sendTargets(session: Session, value: string): string | null {
    // In a normal session only its own target may be asked for (RFC 7143 appendix C).
    if (value !== "" && value !== "All" && value !== session.targetName) return null;
    return targetText(session.targetName, this.#options.portals(session.targetName));
  }

  flushLater(session: Session): void {
    if (session.flushScheduled) return;
    session.flushScheduled = true;
    if (this.#toFlush.push(session) === 1) setImmediate(this.#flushAll);
  }

  readonly #flushAll = (): void => {
    const sessions = this.#toFlush;
    this.#toFlush = [];
    for (const session of sessions) {
      session.flushScheduled = false;
      session.outbox.flush();
    }
  };

  *sessionsOf(unit: Unit): Iterable<Session> {
    for (const target of this.#targets.values()) {
      if (target.units.includes(unit)) yield* target.sessions;
    }
  }

  ended(session: Session, reason: EndReason): void {
    const target = this.#targets.get(session.targetName);
    this.#strangers.delete(session);
    target?.sessions.delete(session);
    if (reason !== "moved") this.#options.onEnd?.(summary(session), reason);
    for (const ended of session.onEnded) ended();
    if (target?.sessions.size === 0) target.onEmpty?.();
  }
}

/** A target as SendTargets lists it. */
export function targetText(iqn: string, portals: readonly string[]): string {
  return formatText([
    ["TargetName", iqn],
    ...portals.map((portal) => ["TargetAddress", portal] as const),
  ]);
}

function summary(session: Session): SessionSummary {
  return {
    targetName: session.targetName,
    initiator: session.initiatorName,
    address: session.remoteAddress,
  };
}

const MAX_TSIH = 0xffff;

/** A session handle that no other session of the target has; 0 is none. */
function freeTsih(sessions: Iterable<Session>): number {
  const used = new Set([...sessions].map(({ tsih }) => tsih));
  let tsih = 1;
  while (used.has(tsih) && tsih < MAX_TSIH) tsih++;
  return tsih;
}
