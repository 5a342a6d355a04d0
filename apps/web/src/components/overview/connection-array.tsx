"use client";
/** A connection array as it lies in shared memory (SPEC L2): one row for each connection thread. */
import type { ConnectionElement, LinkSettings } from "@lockstep/model";
import { duration, plural, rate } from "../../lib/format.ts";
import { rateNow } from "../../lib/samples.ts";
import type { Tone, Words } from "../../lib/words.ts";
import { useLiveStore } from "../shell/live-provider.tsx";
import { Badge } from "../ui/badge.tsx";
import { Meter } from "../ui/meter.tsx";
import { Sheet } from "../ui/sheet.tsx";
import { Cell, Head, Table } from "../ui/table.tsx";
import { useWide } from "../ui/use-wide.ts";

type Which = "out" | "incoming";

interface ArrayProps {
  which: Which;
  title: string;
  note: string;
  elements: readonly ConnectionElement[];
  settings: LinkSettings;
}

const TABLE_FROM_PX = 720;

export function ConnectionArray({ which, title, note, elements, settings }: ArrayProps) {
  const wide = useWide(TABLE_FROM_PX);
  const each = elements.map((element) => ({ which, element, settings }));
  return (
    <Sheet title={title} note={note}>
      {elements.length === 0 ? (
        <p className="text-base text-ink-3">No elements: no connections have been agreed yet.</p>
      ) : wide ? (
        <Table label={title}>
          <thead>
            <tr>
              <Head className="w-12">#</Head>
              <Head className="w-[20%]">Socket</Head>
              <Head className="w-[34%]">Age of timestamp, against T1 and T3</Head>
              <Head className="w-[14%]">Mark</Head>
              <Head end>Carries</Head>
              <Head end className="w-[14%]">
                In flight
              </Head>
            </tr>
          </thead>
          <tbody>
            {each.map((props) => (
              <Row key={props.element.index} {...props} />
            ))}
          </tbody>
        </Table>
      ) : (
        <ul>
          {each.map((props) => (
            <Item key={props.element.index} {...props} />
          ))}
        </ul>
      )}
    </Sheet>
  );
}

interface ElementProps {
  which: Which;
  element: ConnectionElement;
  settings: LinkSettings;
}

function Row(props: ElementProps) {
  const { element } = props;
  return (
    <tr className="font-mono">
      <Cell className="text-ink-3">{element.index}</Cell>
      <Cell className="whitespace-nowrap">{element.socket ?? "not told yet"}</Cell>
      <Cell>
        <Age {...props} />
      </Cell>
      <Cell className="font-sans">
        <Badge words={markWords(element)} />
      </Cell>
      <Cell end className="whitespace-nowrap">
        <Carries {...props} />
      </Cell>
      <Cell end className="whitespace-nowrap">
        {plural(element.inFlight, "request")}
      </Cell>
    </tr>
  );
}

function Item(props: ElementProps) {
  const { element } = props;
  return (
    <li className="flex flex-col gap-1.5 border-b border-rule py-2.5 font-mono">
      <div className="flex items-center gap-3">
        <span className="text-ink-3">{element.index}</span>
        <span className="flex-1 truncate">{element.socket ?? "not told yet"}</span>
        <span className="font-sans">
          <Badge words={markWords(element)} />
        </span>
      </div>
      <Age {...props} />
      <div className="flex justify-between text-sm text-ink-2">
        <Carries {...props} />
        <span>
          {plural(element.inFlight, "request")}{" "}
          <span className="font-sans text-ink-3">in flight</span>
        </span>
      </div>
    </li>
  );
}

function Carries({ which, element }: ElementProps) {
  const { samples } = useLiveStore();
  return <span>{rate(rateNow(samples, (sample) => sample[which][element.index]))}</span>;
}

function markWords({
  closed,
  connected,
}: ConnectionElement): Pick<Words, "label" | "tone" | "sign"> {
  if (closed) return { label: "Closed", tone: "bad", sign: "broken" };
  if (connected) return { label: "Open", tone: "ok", sign: "check" };
  return { label: "Not connected", tone: "wait", sign: "dashed" };
}

function ageTone(ageMs: number, { t1, t2 }: LinkSettings): Tone {
  if (ageMs > t1) return "bad";
  return ageMs > t2 * 2 ? "wait" : "ok";
}

/** The bar ends a little past T3, so that both marks lie within. */
const BAR_OVER_T3 = 1.15;

function Age({ element, settings }: ElementProps) {
  const age = element.timestampAgeMs;
  const whole = settings.t3 * BAR_OVER_T3;
  return (
    <div className="flex min-w-32 items-center gap-2.5">
      <Meter
        label={`Age of timestamp ${element.index}`}
        share={age === null ? null : age / whole}
        tone={age === null ? "calm" : ageTone(age, settings)}
        marks={[settings.t1 / whole, settings.t3 / whole]}
        valueText={`${duration(age)}; T1 is ${duration(settings.t1)}, T3 ${duration(settings.t3)}`}
        className="flex-1"
      />
      <span className="w-[8ch] text-right whitespace-nowrap">{duration(age)}</span>
    </div>
  );
}
