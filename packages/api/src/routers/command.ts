/**
 * Any command by its name, for the command line over `--server`: the same names and parameters as on the local
 * socket, so that the command line has one table of commands.
 */
import { type CommandInput, type CommandName, commands } from "@lockstep/model";
import { TRPCError } from "@trpc/server";
import { z } from "zod";
import { assertAdmin, viewer } from "../trpc.ts";

/** What a viewer may ask. A new command is an administrator's until it is named here. */
const READING: ReadonlySet<CommandName> = new Set<CommandName>([
  "status",
  "peer.show",
  "link.show",
  "link.wait",
  "lun.list",
  "lun.show",
  "lun.wait",
  "outage.list",
  "outage.show",
  "event.list",
  "doctor",
]);

const names = Object.keys(commands) as [CommandName, ...CommandName[]];

export const commandProcedure = viewer
  .input(z.object({ name: z.enum(names), params: z.unknown() }))
  .mutation(async ({ ctx, input }): Promise<unknown> => {
    if (!READING.has(input.name)) assertAdmin(ctx.user);
    const parsed = commands[input.name].safeParse(input.params ?? {});
    if (!parsed.success) throw new TRPCError({ code: "BAD_REQUEST", cause: parsed.error });
    const params = parsed.data as CommandInput<typeof input.name>;
    return ctx.appliance.command(input.name, params, ctx.actor);
  });
