/**
 * Status, events and outages: what is now and what was, and the subscriptions that keep a console live. Lists are
 * pages, newest first, that continue at `nextCursor`; a dropped event subscription continues without a gap after the
 * last event that the client saw.
 */
import { commands, EventKind, Severity } from "@lockstep/model";
import { tracked } from "@trpc/server";
import { z } from "zod";
import { router, viewer } from "../trpc.ts";

const PAGE_DEFAULT = 50;
const PAGE_MAX = 500;
const limit = z.number().int().min(1).max(PAGE_MAX).default(PAGE_DEFAULT);

const EventPage = z.object({
  limit,
  /** `nextCursor` of the page before. */
  cursor: z.number().int().nullish(),
  kinds: z.array(EventKind).optional(),
  severities: z.array(Severity).optional(),
  subject: z.string().optional(),
  since: z.iso.datetime({ offset: true }).optional(),
});

const OutagePage = z.object({
  limit,
  /** `nextCursor` of the page before. */
  cursor: z.object({ detectedAt: z.iso.datetime(), id: z.string() }).nullish(),
  lun: z.string().optional(),
  open: z.boolean().default(false),
});

export const statusRouter = router({
  get: viewer.query(({ ctx }) => ctx.appliance.view()),
  watch: viewer.subscription(async function* ({ ctx, signal }) {
    yield* ctx.appliance.watchStatus(signal ?? new AbortController().signal);
  }),
});

export const eventRouter = router({
  list: viewer.input(EventPage.prefault({})).query(async ({ ctx, input }) => {
    const { events, source } = await ctx.history.events({
      before: input.cursor ?? null,
      limit: input.limit + 1,
      kinds: input.kinds ?? null,
      severities: input.severities ?? null,
      subject: input.subject ?? null,
      since: input.since ?? null,
    });
    const page = events.slice(0, input.limit);
    return {
      events: page,
      nextCursor: events[input.limit] ? (page.at(-1)?.seq ?? null) : null,
      source,
    };
  }),
  watch: viewer
    .input(
      z
        .object({
          /** The last event already seen; without it, events from now on. */
          after: z.number().int().nonnegative().optional(),
          /** Set by the client itself when it connects again. */
          lastEventId: z.string().nullish(),
        })
        .prefault({}),
    )
    .subscription(async function* ({ ctx, input, signal }) {
      const after = input.lastEventId ? Number(input.lastEventId) : (input.after ?? null);
      const events = ctx.appliance.watchEvents(after, signal ?? new AbortController().signal);
      for await (const event of events) yield tracked(String(event.seq), event);
    }),
});

export const outageRouter = router({
  list: viewer.input(OutagePage.prefault({})).query(async ({ ctx, input }) => {
    const { outages, source } = await ctx.history.outages({
      before: input.cursor ?? null,
      limit: input.limit + 1,
      lun: input.lun ?? null,
      open: input.open,
    });
    const page = outages.slice(0, input.limit);
    const last = outages[input.limit] ? page.at(-1) : undefined;
    const nextCursor = last ? { detectedAt: last.detectedAt, id: last.id } : null;
    return { outages: page, nextCursor, source };
  }),
  show: viewer
    .input(commands["outage.show"])
    .query(({ ctx, input }) => ctx.history.outage(input.id)),
  watch: viewer.subscription(async function* ({ ctx, signal }) {
    yield* ctx.appliance.watchOutages(signal ?? new AbortController().signal);
  }),
});
