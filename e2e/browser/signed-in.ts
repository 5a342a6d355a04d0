/**
 * What the browser tests share: signing in and getting about as a person does, and a record of every state that an
 * element of the page went through, for states too short to be caught by looking now and then.
 */
import type { Page } from "@playwright/test";
import { ADMIN_PASSWORD, type StorageServer } from "../src/server.ts";

/** What is used of the page's own, in code that runs there: the DOM's types would hold for every package. */
declare const document: {
  body: object;
  querySelector(selector: string): { getAttribute(name: string): string | null } | null;
};
declare class MutationObserver {
  constructor(changed: () => void);
  observe(target: object, options: object): void;
}

export function consoleUrl(server: StorageServer, path = "/"): string {
  return `http://127.0.0.1:${server.ports.api}${path}`;
}

export async function enterPassword(page: Page, password: string): Promise<void> {
  await page.getByLabel("User name").fill("admin");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Leaves the page at the console's overview, live. */
export async function signIn(page: Page, server: StorageServer): Promise<void> {
  await page.goto(consoleUrl(server, "/sign-in"));
  await enterPassword(page, ADMIN_PASSWORD);
  await page.getByTestId("live-mark").getByText("Live", { exact: true }).waitFor();
}

/** To another page of the console by its navigation, without loading anything anew. */
export async function open(page: Page, name: string): Promise<void> {
  await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
}

/** Keeps every `data-state` of an element from now on; yields them in order, each once in a row. */
export async function recordStates(page: Page, testId: string): Promise<() => Promise<string[]>> {
  const record = await page.evaluateHandle((id) => {
    const seen: string[] = [];
    const look = () => {
      const state = document.querySelector(`[data-testid="${id}"]`)?.getAttribute("data-state");
      if (state && state !== seen.at(-1)) seen.push(state);
    };
    look();
    const options = { subtree: true, childList: true, attributeFilter: ["data-state"] };
    new MutationObserver(look).observe(document.body, options);
    return seen;
  }, testId);
  return () => record.jsonValue();
}

/** Counts how often the page is loaded from now on. */
export function countLoads(page: Page): () => number {
  let loads = 0;
  page.on("load", () => loads++);
  return () => loads;
}
