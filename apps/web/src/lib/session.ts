/**
 * Sign-in, sign-out, the change of one's password and the second factor: the endpoints of better-auth on the same
 * origin. The session is a cookie that scripts cannot read; who one is, the API tells (`me`).
 */
import { type Problem, problemOf } from "./problem.ts";

type Answer =
  | { ok: true; body: Record<string, unknown> }
  | { ok: false; status: number; problem: Problem };

const AWAY: Problem = {
  message: "The server does not answer.",
  hint: "Is it running, and is the network up?",
};

async function ask(path: string, body?: Record<string, unknown>): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(`/api/auth${path}`, {
      ...(body === undefined
        ? {}
        : {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(body),
          }),
    });
  } catch {
    return { ok: false, status: 0, problem: AWAY };
  }
  const answered: unknown = await response.json().catch(() => null);
  if (response.ok) return { ok: true, body: Object(answered) };
  return { ok: false, status: response.status, problem: refusal(response.status, answered) };
}

function refusal(status: number, body: unknown): Problem {
  if (status === 429) {
    return { message: "Too many attempts.", hint: "Wait a minute, then try again." };
  }
  if (status === 503) return { message: "Accounts need the database, which is away.", hint: null };
  return problemOf(body);
}

/** The problem of an answer, in the words of `refused` where the server said no to what was entered. */
function problemIn(answer: Answer, refused: string): Problem | null {
  if (answer.ok) return null;
  const saidNo = answer.status === 400 || answer.status === 401;
  return saidNo ? { message: refused, hint: null } : answer.problem;
}

export type SignedIn =
  | { kind: "done" }
  /** The password was right; a code of the second factor is due. */
  | { kind: "code" }
  | { kind: "failed"; problem: Problem };

export async function signIn(username: string, password: string): Promise<SignedIn> {
  const answer = await ask("/sign-in/username", { username, password });
  const problem = problemIn(answer, "User name or password is wrong.");
  if (problem !== null) return { kind: "failed", problem };
  return { kind: answer.ok && answer.body.twoFactorRedirect === true ? "code" : "done" };
}

/** Six digits are a code of the authenticator; anything else is taken for a backup code. */
export async function verifyCode(code: string): Promise<Problem | null> {
  const digits = code.replaceAll(/\s/g, "");
  const path = /^\d{6}$/.test(digits)
    ? "/two-factor/verify-totp"
    : "/two-factor/verify-backup-code";
  return problemIn(await ask(path, { code: digits }), "The code is wrong, or has been used.");
}

export async function signOut(): Promise<void> {
  await ask("/sign-out", {});
}

export async function changePassword(
  currentPassword: string,
  newPassword: string,
): Promise<Problem | null> {
  const body = { currentPassword, newPassword, revokeOtherSessions: true };
  return problemIn(await ask("/change-password", body), "The present password is wrong.");
}

/** Whether the second factor is on; null where that cannot be told. */
export async function hasSecondFactor(): Promise<boolean | null> {
  const answer = await ask("/get-session");
  if (!answer.ok) return null;
  const user: unknown = answer.body.user;
  if (typeof user !== "object" || user === null) return null;
  return "twoFactorEnabled" in user && user.twoFactorEnabled === true;
}

export interface SecondFactor {
  /** What an authenticator takes in: `otpauth://…`. */
  uri: string;
  secret: string;
  backupCodes: string[];
}

/** Begins to set the second factor up; it is on once a first code was verified. */
export async function beginSecondFactor(
  password: string,
): Promise<{ factor: SecondFactor; problem: null } | { factor: null; problem: Problem }> {
  const answer = await ask("/two-factor/enable", { password });
  const problem = problemIn(answer, "The password is wrong.");
  if (!answer.ok || problem !== null) return { factor: null, problem: problem ?? AWAY };
  const uri = String(answer.body.totpURI);
  const codes: unknown = answer.body.backupCodes;
  return {
    factor: {
      uri,
      secret: new URL(uri).searchParams.get("secret") ?? "",
      backupCodes: Array.isArray(codes) ? codes.map(String) : [],
    },
    problem: null,
  };
}

export async function endSecondFactor(password: string): Promise<Problem | null> {
  return problemIn(await ask("/two-factor/disable", { password }), "The password is wrong.");
}
