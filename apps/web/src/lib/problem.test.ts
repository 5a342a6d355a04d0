import { describe, expect, it } from "vitest";
import { isAnswered, problemOf, sentence } from "./problem.ts";

const failure = { code: "refused", message: "the link is down", hint: "wait until it is up" };

describe("problems", () => {
  it("tells the server's failure with its hint", () => {
    const error = Object.assign(new Error("x"), { data: { code: "CONFLICT", failure } });
    expect(problemOf(error)).toEqual({
      message: "The link is down.",
      hint: "Wait until it is up.",
    });
    expect(isAnswered(error)).toBe(true);
  });

  it("tells a lost server in words, not in the browser's", () => {
    for (const message of ["Failed to fetch", "NetworkError when attempting", "Load failed"]) {
      expect(problemOf(new TypeError(message)).message).toBe("The server does not answer.");
    }
    expect(isAnswered(new TypeError("Failed to fetch"))).toBe(false);
  });

  it("never tells nothing", () => {
    for (const error of [null, undefined, 3, "x", {}, { message: "" }, { data: { failure: {} } }]) {
      expect(problemOf(error).message).toBe("Something failed.");
    }
  });

  it("ends a sentence once", () => {
    expect(sentence("done")).toBe("Done.");
    expect(sentence("Really?")).toBe("Really?");
  });
});
