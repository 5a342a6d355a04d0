import type { Metadata } from "next";
import { LinkPage } from "../../../components/link/link-page.tsx";

export const metadata: Metadata = { title: "Link" };

export default function Page() {
  return <LinkPage />;
}
