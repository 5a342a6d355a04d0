/** For addresses that no page has. */
import Link from "next/link";
import { Logo } from "../components/shell/logo.tsx";

export default function NotFound() {
  return (
    <main className="mx-auto flex min-h-dvh max-w-md flex-col justify-center gap-4 p-6">
      <Logo size={36} />
      <h1 className="text-xl font-semibold">There is no such page</h1>
      <p className="text-md text-ink-2">
        The address may be mistyped, or the page may have moved in a newer release.
      </p>
      <Link href="/" className="font-medium underline underline-offset-4">
        To the overview
      </Link>
    </main>
  );
}
