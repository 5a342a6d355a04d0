/** Everything an outage's record holds, in words and with exact times. */
import type { Outage } from "@lockstep/model";
import { bytes, clock, count, day, dayAndClock, duration } from "../../lib/format.ts";
import { at, outageSpan } from "../../lib/timeline.ts";
import { causeWords, phaseWords } from "../../lib/words.ts";
import { Fact, Facts } from "../ui/sheet.tsx";
import { Sign } from "../ui/sign.tsx";
import { Cell, Head, Table } from "../ui/table.tsx";

/** To the millisecond; without the day where it is that of `dayOf`. */
function Exact({ time, dayOf }: { time: string; dayOf?: string }) {
  const sameDay = dayOf !== undefined && day(at(dayOf)) === day(at(time));
  const text = sameDay ? clock(at(time), true) : dayAndClock(at(time), true);
  return (
    <time dateTime={time} title={time} className="font-mono whitespace-nowrap">
      {text}
    </time>
  );
}

export function OutageDetails({ outage, now }: { outage: Outage; now: number }) {
  const { cause, seenBy, peakQueue, healedAt, longestHostWaitMs } = outage;
  const span = outageSpan(outage, now);
  return (
    <div className="grid gap-x-12 gap-y-6 lg:grid-cols-2">
      <div>
        <p className="mb-2 text-md">
          {causeWords[cause].label}: {causeWords[cause].sentence(seenBy)}.
        </p>
        <Facts>
          <Fact name="Began">
            <Exact time={outage.begunAt} />
          </Fact>
          <Fact name={`Detected by ${seenBy}`}>
            <Exact time={outage.detectedAt} />
            <span className="block text-sm text-ink-3">
              {duration(at(outage.detectedAt) - at(outage.begunAt))} later
            </span>
          </Fact>
          <Fact name="Mirrored again">
            {healedAt === null ? "not yet" : <Exact time={healedAt} />}
          </Fact>
          <Fact name={healedAt === null ? "Lasts so far" : "Lasted"}>
            <span className="font-mono">{duration(span.to - span.from)}</span>
          </Fact>
          <Fact name="Most queued">
            <span className="font-mono">
              {bytes(peakQueue.bytes)}, {count(peakQueue.requests)} requests
            </span>
          </Fact>
          <Fact name="Sent to heal">
            <span className="font-mono">{bytes(outage.healBytes)}</span>
          </Fact>
          <Fact name="Longest host wait">
            {longestHostWaitMs === null ? (
              "no host waited"
            ) : (
              <span className="font-mono">{duration(longestHostWaitMs)}</span>
            )}
          </Fact>
        </Facts>
      </div>
      <Phases outage={outage} now={now} />
    </div>
  );
}

function Phases({ outage, now }: { outage: Outage; now: number }) {
  return (
    <div className="min-w-0">
      <Table label="Phases">
        <thead>
          <tr>
            <Head>Phase</Head>
            <Head>From</Head>
            <Head className="hidden sm:table-cell">To</Head>
            <Head end>Lasted</Head>
          </tr>
        </thead>
        <tbody>
          {outage.phases.map((phase) => {
            const to = phase.endedAt ?? outage.healedAt;
            return (
              <tr key={`${phase.kind} ${phase.at}`} className="text-sm">
                <Cell>
                  <span className="inline-flex items-center gap-1.5 text-base">
                    <Sign name={phaseWords[phase.kind].sign} size={13} />
                    {phaseWords[phase.kind].label}
                  </span>
                </Cell>
                <Cell>
                  <Exact time={phase.at} dayOf={outage.begunAt} />
                </Cell>
                <Cell className="hidden sm:table-cell">
                  {to === null ? "goes on" : <Exact time={to} dayOf={outage.begunAt} />}
                </Cell>
                <Cell end className="font-mono whitespace-nowrap">
                  {duration((to === null ? now : at(to)) - at(phase.at))}
                </Cell>
              </tr>
            );
          })}
        </tbody>
      </Table>
    </div>
  );
}
