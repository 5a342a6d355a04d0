/**
 * The login phase of one connection, as a target (RFC 7143 section 6.3 and 11.12): a request's fields and text in, an
 * answer out. It touches no socket, so that the portal (discovery) and the workers (normal sessions) use the same.
 */

import { type LoginStatus, loginStatus } from "./login-status.ts";
import {
  DEFAULT_MAX_RECV_BYTES,
  defaultParameters,
  type SessionParameters,
  TARGET_MAX_RECV_BYTES,
  takeKey,
} from "./parameters.ts";
import { type Authentication, isSecurityKey, NoAuthentication } from "./security.ts";
import { formatText, MAX_TEXT_BYTES, parseText, type TextPair } from "./text.ts";

const SECURITY_STAGE = 0;
const OPERATIONAL_STAGE = 1;
const FULL_FEATURE_PHASE = 3;

/** Requests that one login may take. */
const MAX_LOGIN_REQUESTS = 64;

/** The fields of a Login Request that decide. */
export interface LoginRequest {
  readonly transit: boolean;
  readonly continued: boolean;
  readonly currentStage: number;
  readonly nextStage: number;
  readonly versionMin: number;
  /** The initiator's part of the session's identity, as 12 hexadecimal digits. */
  readonly isid: string;
  readonly tsih: number;
  readonly cid: number;
  readonly text: string;
}

export function readLoginRequest(header: Buffer, at: number, text: string): LoginRequest {
  const flags = header[at + 1] as number;
  return {
    transit: (flags & 0x80) !== 0,
    continued: (flags & 0x40) !== 0,
    currentStage: (flags >> 2) & 3,
    nextStage: flags & 3,
    versionMin: header[at + 3] as number,
    isid: header.toString("hex", at + 8, at + 14),
    tsih: header.readUInt16BE(at + 14),
    cid: header.readUInt16BE(at + 20),
    text,
  };
}

export interface LoginAnswer {
  readonly status: LoginStatus;
  /** Byte 1 of the response: transit bit and stages. */
  readonly flags: number;
  readonly text: string;
  /** The session enters full feature phase with this answer. */
  readonly done: boolean;
}

export class LoginNegotiation {
  readonly parameters: SessionParameters = defaultParameters();
  initiatorName = "";
  targetName = "";
  sessionType: "Normal" | "Discovery" = "Normal";
  isid = "";
  cid = 0;

  readonly #authentication: Authentication;
  readonly #portalGroupTag: number;
  #collected: string;
  #stage: number | null = null;
  #requests = 0;
  #securityDone: boolean;
  /** Keys already negotiated: none may come twice (section 6.3). */
  readonly #seen = new Set<string>();
  #declared = false;

  constructor(options: { portalGroupTag: number; collectedText: string }) {
    this.#authentication = new NoAuthentication();
    this.#securityDone = this.#authentication.optional;
    this.#portalGroupTag = options.portalGroupTag;
    this.#collected = options.collectedText;
  }

  /** Takes one request. An answer whose status isn't success ends the connection. */
  take(request: LoginRequest): LoginAnswer {
    const wrong = this.#wrongFields(request);
    if (wrong !== null) return refusal(wrong);
    this.#stage = request.currentStage;
    this.isid = request.isid;
    this.cid = request.cid;
    this.#collected += request.text;
    if (this.#collected.length > MAX_TEXT_BYTES) return refusal(loginStatus.initiatorError);
    if (request.continued) return this.#answer(request, [], false);
    const pairs = parseText(this.#collected);
    this.#collected = "";
    if (!pairs) return refusal(loginStatus.initiatorError);
    return this.#negotiate(request, pairs);
  }

  #wrongFields(request: LoginRequest): LoginStatus | null {
    this.#requests++;
    if (this.#requests > MAX_LOGIN_REQUESTS) return loginStatus.initiatorError;
    if (request.versionMin > 0) return loginStatus.unsupportedVersion;
    const { currentStage, nextStage, transit, continued } = request;
    const known = currentStage === SECURITY_STAGE || currentStage === OPERATIONAL_STAGE;
    if (!known || (transit && continued)) return loginStatus.initiatorError;
    if (transit && nextStage <= currentStage) return loginStatus.initiatorError;
    if (transit && nextStage === 2) return loginStatus.initiatorError;
    if (this.#stage !== null && currentStage !== this.#stage) return loginStatus.initiatorError;
    if (this.isid !== "" && this.isid !== request.isid) return loginStatus.initiatorError;
    return null;
  }

  #negotiate(request: LoginRequest, pairs: readonly TextPair[]): LoginAnswer {
    const answers: TextPair[] = [];
    const security: TextPair[] = [];
    for (const pair of pairs) {
      const [key, value] = pair;
      if (this.#seen.has(key)) return refusal(loginStatus.initiatorError);
      this.#seen.add(key);
      if (isSecurityKey(key)) {
        security.push(pair);
        if (request.currentStage !== SECURITY_STAGE) return refusal(loginStatus.initiatorError);
        continue;
      }
      const answer = takeKey(key, value, this.parameters);
      if (answer.kind === "forbidden") return refusal(loginStatus.initiatorError);
      if (answer.kind === "answer") answers.push([key, answer.value]);
      if (!this.#remember(key, value)) return refusal(loginStatus.sessionTypeNotSupported);
    }
    if (this.initiatorName === "") return refusal(loginStatus.missingParameter);
    if (this.sessionType === "Normal" && this.targetName === "") {
      return refusal(loginStatus.missingParameter);
    }
    if (request.currentStage === SECURITY_STAGE) {
      const step = this.#authentication.step(security);
      if (step.kind === "failed") return refusal(loginStatus.authenticationFailure);
      this.#securityDone = step.done;
      answers.unshift(...step.pairs);
    }
    if (!this.#securityDone && request.currentStage !== SECURITY_STAGE) {
      return refusal(loginStatus.authenticationFailure);
    }
    this.#declare(request, answers);
    return this.#answer(request, answers, true);
  }

  /** Keeps what the login is about; false when the session type is unknown. */
  #remember(key: string, value: string): boolean {
    if (key === "InitiatorName") this.initiatorName = value;
    if (key === "TargetName") this.targetName = value;
    if (key === "SessionType") {
      if (value !== "Normal" && value !== "Discovery") return false;
      this.sessionType = value;
    }
    return true;
  }

  /** What we say unasked: our portal group at once, our longest data segment in the operational stage. */
  #declare(request: LoginRequest, answers: TextPair[]): void {
    if (this.sessionType === "Normal" && !this.#seen.has("TargetPortalGroupTag")) {
      this.#seen.add("TargetPortalGroupTag");
      answers.push(["TargetPortalGroupTag", String(this.#portalGroupTag)]);
    }
    if (request.currentStage === OPERATIONAL_STAGE && !this.#declared) {
      this.#declared = true;
      answers.push(["MaxRecvDataSegmentLength", String(TARGET_MAX_RECV_BYTES)]);
    }
  }

  #answer(request: LoginRequest, pairs: TextPair[], whole: boolean): LoginAnswer {
    const text = formatText(pairs);
    if (text.length > DEFAULT_MAX_RECV_BYTES) return refusal(loginStatus.initiatorError);
    const transit = whole && request.transit && this.#securityDone;
    const stages = (request.currentStage << 2) | (transit ? request.nextStage : 0);
    if (transit) this.#stage = request.nextStage;
    const done = transit && request.nextStage === FULL_FEATURE_PHASE;
    if (done) this.#settle();
    return { status: loginStatus.success, flags: (transit ? 0x80 : 0) | stages, text, done };
  }

  /** FirstBurstLength may not exceed MaxBurstLength (section 13.14), whichever of them was negotiated. */
  #settle(): void {
    const { firstBurstBytes, maxBurstBytes } = this.parameters;
    this.parameters.firstBurstBytes = Math.min(firstBurstBytes, maxBurstBytes);
  }
}

export function refusal(status: LoginStatus): LoginAnswer {
  return { status, flags: 0, text: "", done: false };
}
