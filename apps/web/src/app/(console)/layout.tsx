/** All pages behind the sign-in share one shell, one connection and one live state, also while one moves about. */
import type { ReactNode } from "react";
import { Console } from "../../components/shell/console.tsx";

export default function ConsoleLayout({ children }: { children: ReactNode }) {
  return <Console>{children}</Console>;
}
