/** `lockstep serve` with the stand-ins as its two processes; takes ServeOptions as JSON. */
import { fileURLToPath } from "node:url";
import { Failure, ServeOptions } from "@lockstep/model";
import { serve } from "../serve/serve.ts";

const file = (name: string) => ({
  file: fileURLToPath(new URL(name, import.meta.url)),
  nodeFlags: [],
});

try {
  await serve(ServeOptions.parse(JSON.parse(process.argv[2] ?? "")), {
    datapath: file("stand-in-data-path.ts"),
    backend: file("stand-in-backend.ts"),
  });
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(`lockstep: ${error.message}`);
  process.exitCode = 1;
}
