/**
 * The one place where what went wrong becomes an API error. Each error carries `data.failure`, the model's Failure as
 * plain data; what is a bug of ours is told as "internal" without its message, which goes to the log only.
 */
import { Failure, type FailureCode } from "@lockstep/model";
import { TRPCError } from "@trpc/server";
import { ZodError } from "zod";

export interface FailureData {
  code: FailureCode;
  message: string;
  hint: string | null;
}

type ErrorCode = TRPCError["code"];

const ERROR_CODES = {
  usage: "BAD_REQUEST",
  "not-found": "NOT_FOUND",
  exists: "CONFLICT",
  refused: "PRECONDITION_FAILED",
  timeout: "GATEWAY_TIMEOUT",
  unreachable: "SERVICE_UNAVAILABLE",
  differences: "CONFLICT",
  unavailable: "SERVICE_UNAVAILABLE",
  internal: "INTERNAL_SERVER_ERROR",
} as const satisfies Record<FailureCode, ErrorCode>;

export function toApiError(failure: Failure): TRPCError {
  return new TRPCError({
    code: ERROR_CODES[failure.code],
    message: failure.message,
    cause: failure,
  });
}

/** One sentence for the first thing that is wrong with an input. */
export function describeIssues(error: ZodError): string {
  const issue = error.issues[0];
  if (!issue) return "the input is not valid";
  const path = issue.path.map(String).join(".");
  return path === "" ? issue.message : `${path}: ${issue.message}`;
}

export function failureData(error: TRPCError): FailureData {
  const { cause } = error;
  if (cause instanceof Failure) {
    return { code: cause.code, message: cause.message, hint: cause.hint };
  }
  if (cause instanceof ZodError) {
    return { code: "usage", message: describeIssues(cause), hint: null };
  }
  switch (error.code) {
    case "UNAUTHORIZED":
      return { code: "refused", message: "this needs a sign-in or a token", hint: "sign in first" };
    case "FORBIDDEN":
      return { code: "refused", message: error.message, hint: "ask an administrator" };
    case "NOT_FOUND":
      return { code: "not-found", message: error.message, hint: null };
    case "BAD_REQUEST":
    case "PARSE_ERROR":
    case "METHOD_NOT_SUPPORTED":
    case "UNSUPPORTED_MEDIA_TYPE":
    case "PAYLOAD_TOO_LARGE":
      return { code: "usage", message: error.message, hint: null };
    default:
      return {
        code: "internal",
        message: "the server failed to do this",
        hint: "see the backend's log",
      };
  }
}
