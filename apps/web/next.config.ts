/** The console is exported as plain files (`out/`), which the backend serves on the API's port. */
import { fileURLToPath } from "node:url";
import type { NextConfig } from "next";

const config: NextConfig = {
  output: "export",
  reactStrictMode: true,
  poweredByHeader: false,
  transpilePackages: ["@lockstep/api", "@lockstep/model"],
  turbopack: { root: fileURLToPath(new URL("../..", import.meta.url)) },
};

export default config;
