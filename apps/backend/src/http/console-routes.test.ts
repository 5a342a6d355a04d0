import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { consoleRoutes } from "./console-routes.ts";
import { contentSecurityPolicy } from "./security-headers.ts";

let base: string;
let folder: string;
let app: FastifyInstance;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), "lockstep-console-"));
  folder = join(base, "out");
  writeFileSync(join(base, "secret"), "secret");
  app = fastify();
  await app.register(consoleRoutes, { folder });
});
afterEach(async () => {
  await app.close();
  rmSync(base, { recursive: true });
});

function build(): void {
  mkdirSync(join(folder, "_next/static"), { recursive: true });
  mkdirSync(join(folder, "luns"));
  writeFileSync(join(folder, "index.html"), "<script>one()</script><script src=/x.js></script>");
  writeFileSync(join(folder, "luns.html"), "luns");
  writeFileSync(join(folder, "luns/show.html"), "show");
  writeFileSync(join(folder, "404.html"), "nothing");
  writeFileSync(join(folder, "_next/static/x.js"), "x()");
}

const hash = (script: string) => createHash("sha256").update(script).digest("base64");

describe("the console", () => {
  it("says plainly that it is not built, and is served once it is", async () => {
    const missing = await app.inject("/");
    expect(missing.statusCode).toBe(503);
    expect(missing.body).toContain("console is not built");
    build();
    expect((await app.inject("/")).statusCode).toBe(200);
  });

  it("serves each page under its route, also where a folder has the same name", async () => {
    build();
    expect((await app.inject("/luns")).body).toBe("luns");
    expect((await app.inject("/luns/show?id=1")).body).toBe("show");
    expect((await app.inject("/luns.html")).body).toBe("luns");
    const nothing = await app.inject("/nothing");
    expect([nothing.statusCode, nothing.body]).toEqual([404, "nothing"]);
  });

  it("lets hashed files be kept for a year and pages be asked for again", async () => {
    build();
    const file = await app.inject("/_next/static/x.js");
    expect(file.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(file.headers["content-type"]).toContain("javascript");
    expect((await app.inject("/luns")).headers["cache-control"]).toBe("public, max-age=0");
  });

  it("allows a page's own inline scripts by their hashes, and follows a new build", async () => {
    build();
    const policy = (await app.inject("/")).headers["content-security-policy"];
    expect(policy).toContain(`script-src 'self' 'sha256-${hash("one()")}';`);
    writeFileSync(join(folder, "index.html"), "<script >two()\n</script>");
    const next = (await app.inject("/")).headers["content-security-policy"];
    expect(next).toContain(`script-src 'self' 'sha256-${hash("two()\n")}';`);
    expect(contentSecurityPolicy()).toContain("script-src 'self';");
  });

  it.each(["/../secret", "/%2e%2e/secret", "/..%2fsecret", "/%2e%2e%2fsecret", "/%00", "/%zz"])(
    "does not leave its folder: %s",
    async (url) => {
      build();
      const response = await app.inject(url);
      expect([400, 404]).toContain(response.statusCode);
      expect(response.body).not.toContain("secret");
    },
  );
});
