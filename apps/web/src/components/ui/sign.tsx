/** The signs that stand beside each state's word, so that no state is told by colour alone. */
import {
  Ban,
  Check,
  CircleAlert,
  CircleDashed,
  CopyPlus,
  FastForward,
  Info,
  ListPlus,
  type LucideIcon,
  OctagonX,
  Pause,
  Plug,
  RefreshCw,
  Split,
  Timer,
  TriangleAlert,
  Unlink,
} from "lucide-react";
import type { SignName } from "../../lib/words.ts";

const icons: Record<SignName, LucideIcon> = {
  check: Check,
  copy: CopyPlus,
  dashed: CircleDashed,
  queue: ListPlus,
  timer: Timer,
  forward: FastForward,
  refresh: RefreshCw,
  pause: Pause,
  stop: OctagonX,
  split: Split,
  broken: Unlink,
  plug: Plug,
  info: Info,
  warning: TriangleAlert,
  error: CircleAlert,
  silence: Ban,
};

export function Sign({ name, size = 14 }: { name: SignName; size?: number }) {
  const Icon = icons[name];
  return <Icon size={size} strokeWidth={2.2} aria-hidden className="shrink-0" />;
}
