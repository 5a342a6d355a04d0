/** `lockstep demo` (`npm start`): two servers on this machine, paired, with one mirrored LUN. */
import { type Command, Option } from "commander";
import { wholeNumber } from "../arguments.ts";
import type { DemoFlags } from "../demo/plan.ts";
import { example } from "../examples.ts";

export function addDemo(program: Command): void {
  const demo = program
    .command("demo")
    .description("two paired servers on this machine, alpha and beta, with the mirrored LUN demo")
    .addOption(
      new Option("--base-port <n>", "for tests: eight ports from here on instead of the usual ones")
        .argParser(wholeNumber)
        .hideHelp(),
    );
  demo.action(async () => {
    const { demo: run } = await import("../demo/demo.ts");
    await run(demo.optsWithGlobals<DemoFlags>());
  });
  example(demo, "demo", "demo --data /tmp/lockstep-demo");
}
