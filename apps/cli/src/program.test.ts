import { commands } from "@lockstep/model";
import type { Command } from "commander";
import { expect, it } from "vitest";
import { buildProgram } from "./program.ts";
import { targetOf } from "./server.ts";

function leaves(command: Command, path: string[] = []): { path: string; command: Command }[] {
  const children = command.commands.filter((child) => child.name() !== "help");
  if (children.length === 0) return [{ path: path.join("."), command }];
  return children.flatMap((child) => leaves(child, [...path, child.name()]));
}

it("every command of the model is offered under its own name, and nothing else but serve and demo", () => {
  const offered = leaves(buildProgram()).map(({ path }) => path);
  expect(offered.sort()).toEqual([...Object.keys(commands), "serve", "demo"].sort());
});

it("every command's help has an example", () => {
  for (const { path, command } of leaves(buildProgram())) {
    let help = "";
    command.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    command.outputHelp();
    expect(help, path).toMatch(/Examples?:\n {2}\$ lockstep /);
  }
});

it("where a command goes: options beat the environment, and saying nothing is a mistake", () => {
  const env = { LOCKSTEP_DATA: "/srv/a", LOCKSTEP_TOKEN: "t" };
  expect(targetOf({}, env)).toEqual({ kind: "local", data: "/srv/a" });
  expect(targetOf({ data: "/srv/b" }, env)).toEqual({ kind: "local", data: "/srv/b" });
  const url = "http://127.0.0.1:7400";
  expect(targetOf({ server: url }, env)).toEqual({ kind: "remote", url, token: "t" });
  expect(() => targetOf({}, {})).toThrow("which server?");
  expect(() => targetOf({ server: url }, {})).toThrow("--server needs a token");
  expect(() => targetOf({ server: "alpha", token: "t" }, {})).toThrow("is no server's address");
  expect(() => targetOf({ server: url, data: "/srv/b" }, {})).toThrow("only one of them");
});
