/** Calls over a MessagePort: parameters there, a result or a failure back, matched by id. For control, never for data. */
import { Failure, type FailureCode } from "@lockstep/model";

type Shapes = Record<string, { params: unknown; result: unknown }>;

interface Request {
  call: string;
  id: number;
  params: unknown;
}

type Answer =
  | { answer: number; result: unknown }
  | { answer: number; failure: { code: FailureCode; message: string; hint: string | null } };

interface Port {
  postMessage(value: unknown): void;
}

function isAnswer(message: unknown): message is Answer {
  return typeof message === "object" && message !== null && "answer" in message;
}

function isRequest(message: unknown): message is Request {
  return typeof message === "object" && message !== null && "call" in message;
}

/** The calling side. */
export class Caller<C extends object> {
  private readonly port: Port;
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private nextId = 1;
  /** Why the other side is gone; null while it is there. */
  private gone: string | null = null;

  constructor(port: Port) {
    this.port = port;
  }

  call<K extends keyof C & string>(
    call: K,
    params: (C & Shapes)[K]["params"],
  ): Promise<(C & Shapes)[K]["result"]> {
    if (this.gone !== null) return Promise.reject(new Failure("internal", this.gone));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, (answer) => {
        if ("failure" in answer) {
          const { code, message, hint } = answer.failure;
          reject(new Failure(code, message, hint));
        } else {
          resolve(answer.result);
        }
      });
      this.port.postMessage({ call, id, params });
    });
  }

  /** Takes a message from the port; false where it is none of this one's answers. */
  take(message: unknown): boolean {
    if (!isAnswer(message)) return false;
    const done = this.waiting.get(message.answer);
    this.waiting.delete(message.answer);
    done?.(message);
    return true;
  }

  /** The other side is gone: what waits fails, and what is called later. */
  fail(why: string): void {
    this.gone = why;
    const failure = { code: "internal" as const, message: why, hint: null };
    for (const [id, done] of this.waiting) done({ answer: id, failure });
    this.waiting.clear();
  }
}

export type Callee<C extends object> = {
  [K in keyof C & string]: (
    params: (C & Shapes)[K]["params"],
  ) => Promise<(C & Shapes)[K]["result"]> | (C & Shapes)[K]["result"];
};

/** The answering side: carries a call out and posts its answer. False where the message is no call. */
export function answerCall<C extends object>(
  port: Port,
  handlers: Callee<C>,
  message: unknown,
): boolean {
  if (!isRequest(message)) return false;
  const { call, id, params } = message;
  const handler = handlers[call as keyof Callee<C>] as (params: unknown) => unknown;
  void Promise.resolve()
    .then(() => handler(params))
    .then(
      (result) => port.postMessage({ answer: id, result: result ?? null }),
      (error: unknown) => {
        const known = error instanceof Failure;
        const code: FailureCode = known ? error.code : "internal";
        const text = error instanceof Error ? error.message : String(error);
        const hint = known ? error.hint : null;
        port.postMessage({ answer: id, failure: { code, message: text, hint } });
      },
    );
  return true;
}
