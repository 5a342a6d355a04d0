/** Two servers that come to know each other (SPEC L3), over loopback, with somebody who listens in. */
import net from "node:net";
import { type Actor, Failure } from "@lockstep/model";
import { afterEach, describe, expect, it } from "vitest";
import type { PeerRecord } from "../records.ts";
import { ALPHA, BETA, UNEXPECTED } from "../testing/control-ends.ts";
import type { PairOffer } from "./control-messages.ts";
import { ControlServer } from "./control-server.ts";
import { decodeCode, encodeCode, INVITATION_MS, offerMac, PairingKeys } from "./invitation.ts";
import { Pairing, type SelfAddress } from "./pairing.ts";

const ACTOR: Actor = { who: "system", from: "test" };
const NOW = 1_000_000;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Known {
  peer: PeerRecord;
  outageNumber: number;
}

/** A server that can be paired. `name` tells its uuid. */
class Side {
  readonly known: Known[] = [];
  readonly pairing: Pairing;
  readonly self: SelfAddress;
  obstacle: Failure | null = null;
  outageNumber = 3;
  now = NOW;
  /** What waits before it is stable that the peer is known. */
  stable: Promise<void> = Promise.resolve();
  private readonly strangers: string[] = [];

  constructor(name: "alpha" | "beta", host: string | null = "127.0.0.1", uuid?: string) {
    const own = uuid ?? (name === "alpha" ? ALPHA : BETA);
    this.self = { uuid: own, name, host, mirrorPort: 1, heartbeatPort: 24_402 };
    this.pairing = new Pairing({
      self: this.self,
      outageNumber: () => this.outageNumber,
      obstacle: () => this.obstacle,
      paired: async (peer, outageNumber) => {
        this.known.push({ peer, outageNumber });
        this.obstacle = new Failure("refused", `${peer.name} is the peer already`);
        await this.stable;
      },
    });
  }

  async serve(answer = (offer: PairOffer) => this.pairing.accept(offer, this.now)): Promise<this> {
    const server = new ControlServer({
      address: { host: "127.0.0.1", port: 0 },
      self: this.self.uuid,
      admit: (purpose) => (purpose === "pair" ? this.pairing.admit(this.now) : null),
      handlers: { ...UNEXPECTED, pair: answer },
      notice: () => undefined,
      stranger: (_from, reason) => this.strangers.push(reason),
    });
    this.self.mirrorPort = await server.listen();
    closing.push(() => server.hangUp("the test is over", true));
    return this;
  }
}

/** One in the middle of all that goes to `port`, who keeps every byte. */
async function listenIn(port: number): Promise<{ port: number; heard: () => Buffer }> {
  const chunks: Buffer[] = [];
  const server = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("data", (chunk: Buffer) => chunks.push(chunk));
      from.on("error", () => undefined);
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  return { port: (server.address() as net.AddressInfo).port, heard: () => Buffer.concat(chunks) };
}

async function failureOf(task: Promise<unknown>): Promise<unknown> {
  return task.then(
    () => "no failure",
    (error: unknown) => error,
  );
}

describe("pairing", () => {
  it("[L3] leaves both servers with one secret and one number, and nobody who listens in with any", async () => {
    const inviter = await new Side("alpha").serve();
    const joiner = await new Side("beta").serve();
    joiner.outageNumber = 8;
    const { port, heard } = await listenIn(inviter.self.mirrorPort);
    const code = decodeCode(inviter.pairing.invite(NOW).code);
    await joiner.pairing.join(encodeCode({ ...code, port }), ACTOR);
    const [alphaKnows] = inviter.known;
    const [betaKnows] = joiner.known;
    expect([inviter.known.length, joiner.known.length]).toEqual([1, 1]);
    expect([alphaKnows?.outageNumber, betaKnows?.outageNumber]).toEqual([9, 9]);
    const secret = alphaKnows?.peer.secret ?? "";
    const at = { host: "127.0.0.1", heartbeatPort: 24_402, secret };
    const beta = { uuid: BETA, name: "beta", mirrorPort: joiner.self.mirrorPort, ...at };
    const alpha = { uuid: ALPHA, name: "alpha", mirrorPort: inviter.self.mirrorPort, ...at };
    expect([alphaKnows?.peer, betaKnows?.peer]).toEqual([beta, alpha]);
    for (const hidden of [secret, code.secret]) {
      expect(heard().length).toBeGreaterThan(500);
      expect(heard().includes(hidden)).toBe(false);
      expect(heard().includes(Buffer.from(hidden, "hex"))).toBe(false);
    }
  });

  it("[L3] takes a code once", async () => {
    const inviter = await new Side("alpha").serve();
    const { code } = inviter.pairing.invite(NOW);
    await new Side("beta").pairing.join(code, ACTOR);
    inviter.obstacle = null;
    const again = await failureOf(new Side("beta").pairing.join(code, ACTOR));
    expect(again).toMatchObject({ code: "unreachable" });
    expect(inviter.known).toHaveLength(1);
  });

  it("[L3] takes one of two who join with a code at once", async () => {
    const inviter = await new Side("alpha").serve();
    const { code } = inviter.pairing.invite(NOW);
    const others = [new Side("beta"), new Side("beta")];
    const done = await Promise.all(
      others.map(({ pairing }) => failureOf(pairing.join(code, ACTOR))),
    );
    expect(done.filter((each) => each === "no failure")).toHaveLength(1);
    expect(inviter.known).toHaveLength(1);
    expect(others.flatMap(({ known }) => known)).toHaveLength(1);
  });

  it("[L3] takes a code for a quarter of an hour, and only the newest", async () => {
    const inviter = await new Side("alpha").serve();
    const { pairing } = new Side("beta");
    const invitation = inviter.pairing.invite(NOW);
    expect(Date.parse(invitation.expiresAt)).toBe(NOW + INVITATION_MS);
    inviter.now = NOW + INVITATION_MS + 1;
    const late = await failureOf(pairing.join(invitation.code, ACTOR));
    expect(late).toMatchObject({ code: "unreachable" });
    inviter.now = NOW + INVITATION_MS;
    const { code } = inviter.pairing.invite(NOW);
    const old = await failureOf(pairing.join(invitation.code, ACTOR));
    expect(old).toMatchObject({ code: "unreachable" });
    await pairing.join(code, ACTOR);
    expect(inviter.known).toHaveLength(1);
  });

  it("[L3] takes no offer once the code has expired, also of who has proven itself before", async () => {
    const inviter = new Side("alpha");
    const { secret } = decodeCode(inviter.pairing.invite(NOW).code);
    const joiner = joinerOffer(secret);
    const after = NOW + INVITATION_MS + 1;
    const failure = await failureOf(inviter.pairing.accept(joiner, after));
    expect(failure).toMatchObject({ code: "refused", message: "the invitation has expired" });
    await inviter.pairing.accept(joiner, NOW + INVITATION_MS);
    expect(inviter.known).toHaveLength(1);
  });

  it("[L3] takes no offer that was changed, that is its own, or that has its name", async () => {
    const inviter = new Side("alpha");
    const { secret } = decodeCode(inviter.pairing.invite(NOW).code);
    const offer = joinerOffer(secret);
    const signed = (change: object) => {
      const changed = { ...offer, ...change };
      return { ...changed, mac: offerMac(secret, "joiner", changed) };
    };
    const refused: [typeof offer, string][] = [
      [{ ...offer, host: "192.0.2.66" }, "the other server's offer is not what it signed"],
      [{ ...offer, publicKey: new PairingKeys().publicKey }, "is not what it signed"],
      [{ ...offer, mac: "" }, "is not what it signed"],
      [{ ...offer, mac: offerMac(secret, "inviter", offer) }, "is not what it signed"],
      [signed({ uuid: ALPHA }), "a server can't be its own peer"],
      [signed({ name: "alpha" }), 'both servers are named "alpha"'],
      [signed({ publicKey: "00" }), "the other server's key can't be used"],
    ];
    for (const [wrong, message] of refused) {
      const failure = await failureOf(inviter.pairing.accept(wrong, NOW));
      expect(failure).toMatchObject({ code: "refused", message: expect.stringContaining(message) });
    }
    expect(inviter.known).toEqual([]);
    await inviter.pairing.accept(offer, NOW);
    expect(inviter.known).toHaveLength(1);
  });

  it("[L3] does not believe an inviter whose answer was changed, or is the joiner's own", async () => {
    const changes: ((offer: PairOffer, answer: PairOffer) => PairOffer)[] = [
      (_, answer) => ({ ...answer, host: "192.0.2.66" }),
      (offer) => offer,
      (offer) => ({ ...offer, uuid: ALPHA, name: "alpha" }),
    ];
    for (const change of changes) {
      const inviter = new Side("alpha");
      const accept = (offer: PairOffer) => inviter.pairing.accept(offer, NOW);
      await inviter.serve(async (offer) => change(offer, await accept(offer)));
      const joiner = new Side("beta");
      const failure = await failureOf(joiner.pairing.join(inviter.pairing.invite(NOW).code, ACTOR));
      const message = "the other server's offer is not what it signed";
      expect(failure).toMatchObject({ code: "refused", message });
      expect(joiner.known).toEqual([]);
    }
  });

  it("is refused where there is a peer, or no address to tell one", async () => {
    const taken = new Side("alpha");
    taken.obstacle = new Failure("refused", "gamma is the peer already");
    const code = encodeCode({ host: "127.0.0.1", port: 1, secret: "00".repeat(16) });
    expect(() => taken.pairing.invite(NOW)).toThrow("gamma is the peer already");
    expect(await failureOf(taken.pairing.join(code, ACTOR))).toBe(taken.obstacle);
    const everywhere = new Side("alpha", null);
    expect(() => everywhere.pairing.invite(NOW)).toThrow("bound to every interface");
    expect(await failureOf(everywhere.pairing.join(code, ACTOR))).toMatchObject({
      code: "refused",
    });
  });

  it("[L3] lets nobody join a server that is joining another", async () => {
    const alpha = await new Side("alpha").serve();
    const beta = await new Side("beta").serve();
    const gamma = new Side("beta", "127.0.0.1", "2b0d6f5c-0000-4000-8000-00000000000c");
    const alphas = alpha.pairing.invite(NOW).code;
    const betas = beta.pairing.invite(NOW).code;
    const stable = Promise.withResolvers<void>();
    alpha.stable = stable.promise;
    const joining = beta.pairing.join(alphas, ACTOR);
    expect(await failureOf(gamma.pairing.join(betas, ACTOR))).toMatchObject({ code: "refused" });
    expect(await failureOf(beta.pairing.join(alphas, ACTOR))).toMatchObject({ code: "refused" });
    stable.resolve();
    await joining;
    expect(beta.known.map(({ peer }) => peer.name)).toEqual(["alpha"]);
    expect(gamma.known).toEqual([]);
  });
});

function joinerOffer(secret: string) {
  const offer = {
    uuid: BETA,
    name: "beta",
    host: "127.0.0.1",
    mirrorPort: 1,
    heartbeatPort: 2,
    publicKey: new PairingKeys().publicKey,
    outageNumber: 0,
  };
  return { ...offer, mac: offerMac(secret, "joiner", offer) };
}
