/**
 * The backend process. Before anything else is loaded the young generation is kept at its first size: it would grow
 * to 64 MiB on the garbage of loading modules, and stay there (253 instead of 140 MiB resident). This process has
 * little to do, and shares its machine with the data path.
 */
import { setFlagsFromString } from "node:v8";

setFlagsFromString("--semi-space-growth-factor=1");
const { run } = await import("./run.ts");
await run();
