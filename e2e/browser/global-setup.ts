/** As for the other end-to-end tests: nothing of an earlier run is left to disturb, nothing of this one stays. */
import { setup, teardown } from "../src/global-setup.ts";

export default function begin(): () => void {
  setup();
  return teardown;
}
