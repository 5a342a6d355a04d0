/** `lockstep peer …`: pairing with the second server. */
import type { Command } from "commander";
import { carryOut } from "../carry-out.ts";
import { example } from "../examples.ts";
import { moment } from "../output/quantities.ts";
import { peerLine } from "../views/link.ts";

export function addPeer(program: Command): void {
  const peer = program.command("peer").description("pairing with the second server");

  const invite = peer
    .command("invite")
    .description("make a one-time code for the other server's `peer join`");
  invite.action(() =>
    carryOut(invite, "peer.invite", {}, ({ code, expiresAt }, paint) =>
      [
        paint("bold", code),
        `valid until ${moment(expiresAt)}; on the other server run: lockstep --data DIR peer join CODE`,
      ].join("\n"),
    ),
  );
  example(invite, "--data .lockstep/alpha peer invite");

  const join = peer
    .command("join <code>")
    .description("pair with the server that made the code; returns when the link is up");
  join.action((code: string) =>
    carryOut(
      join,
      "peer.join",
      { code },
      (joined) => `paired with ${peerLine(joined)}; the link is up`,
    ),
  );
  example(join, "--data .lockstep/beta peer join CODE");

  const show = peer.command("show").description("the paired server");
  show.action(() => carryOut(show, "peer.show", {}, peerLine));
  example(show, "--data .lockstep/alpha peer show --json");

  const remove = peer.command("remove").description("end the pairing");
  remove.action(() => carryOut(remove, "peer.remove", {}, () => "the pairing is ended"));
  example(remove, "--data .lockstep/alpha peer remove");
}
