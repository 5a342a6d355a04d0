/**
 * What went wrong, as people are told it: one sentence and what to do. Errors of the API carry the model's Failure in
 * `data.failure`; everything else is put into words here.
 */
export interface Problem {
  message: string;
  hint: string | null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

export function problemOf(error: unknown): Problem {
  if (!isRecord(error)) return { message: "Something failed.", hint: null };
  const data = error.data;
  const failure = isRecord(data) ? data.failure : undefined;
  if (isRecord(failure) && typeof failure.message === "string") {
    const hint = failure.hint;
    return {
      message: sentence(failure.message),
      hint: typeof hint === "string" ? sentence(hint) : null,
    };
  }
  const message = error.message;
  if (typeof message !== "string" || message === "") {
    return { message: "Something failed.", hint: null };
  }
  if (/failed to fetch|networkerror|load failed|unexpected token|json/i.test(message)) {
    return {
      message: "The server does not answer.",
      hint: "Is it running, and is the network up?",
    };
  }
  return { message: sentence(message), hint: null };
}

/** Whether the server itself answered with this failure, so that asking again would change nothing. */
export function isAnswered(error: unknown): boolean {
  const data = isRecord(error) ? error.data : undefined;
  return isRecord(data) && isRecord(data.failure);
}

/** With a capital at its beginning and a full stop at its end, unless it begins with a name or ends otherwise. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
