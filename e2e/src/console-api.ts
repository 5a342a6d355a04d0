/**
 * The API as a browser uses it: sign in with the administrator's password, ask with the session's
 * cookie.
 */
import type { Event, EventKind } from "@lockstep/model";
import { ADMIN_PASSWORD, type StorageServer } from "./server.ts";

const ADMIN_NAME = "admin";

export interface EventPage {
  events: Event[];
  source: "database" | "data path";
}

export class ConsoleApi {
  readonly #base: string;
  readonly #cookie: string;

  constructor(base: string, cookie: string) {
    this.#base = base;
    this.#cookie = cookie;
  }

  async query(path: string, input: unknown): Promise<unknown> {
    const url = `${this.#base}/trpc/${path}?input=${encodeURIComponent(JSON.stringify(input))}`;
    const response = await fetch(url, { headers: { cookie: this.#cookie } });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    const answer = (await response.json()) as { result: { data: unknown } };
    return answer.result.data;
  }

  async events(kind: EventKind): Promise<EventPage> {
    return (await this.query("event.list", { kinds: [kind] })) as EventPage;
  }
}

export async function signIn(server: StorageServer): Promise<ConsoleApi> {
  const base = `http://127.0.0.1:${server.ports.api}`;
  const response = await fetch(`${base}/api/auth/sign-in/username`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: base },
    body: JSON.stringify({ username: ADMIN_NAME, password: ADMIN_PASSWORD }),
  });
  if (!response.ok) throw new Error(`sign-in: ${response.status} ${await response.text()}`);
  const cookie = response.headers
    .getSetCookie()
    .map((each) => each.split(";")[0])
    .join("; ");
  return new ConsoleApi(base, cookie);
}
