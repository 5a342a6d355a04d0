/**
 * Sign-in, sign-out and the change of one's password: the endpoints of better-auth on the same origin. The session is
 * a cookie that scripts cannot read; who one is, the API tells (`me`).
 */
import { problemOf, type Problem } from "./problem.ts";

async function post(path: string, body: Record<string, unknown>): Promise<Problem | null> {
  let response: Response;
  try {
    response = await fetch(`/api/auth${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    return { message: "The server does not answer.", hint: "Is it running, and is the network up?" };
  }
  if (response.ok) return null;
  return refusal(response.status, await response.json().catch(() => null));
}

function refusal(status: number, body: unknown): Problem {
  if (status === 401) return { message: "User name or password is wrong.", hint: null };
  if (status === 429) {
    return { message: "Too many attempts.", hint: "Wait a minute, then try again." };
  }
  if (status === 503) return { message: "Sign-in needs the database, which is away.", hint: null };
  return problemOf(body);
}

export function signIn(username: string, password: string): Promise<Problem | null> {
  return post("/sign-in/username", { username, password });
}

export function signOut(): Promise<Problem | null> {
  return post("/sign-out", {});
}

export async function changePassword(
  currentPassword: string,
  newPassword: string,
): Promise<Problem | null> {
  const body = { currentPassword, newPassword, revokeOtherSessions: true };
  const problem = await post("/change-password", body);
  return problem?.message === "User name or password is wrong."
    ? { message: "The present password is wrong.", hint: null }
    : problem;
}
