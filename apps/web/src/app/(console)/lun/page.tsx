import type { Metadata } from "next";
import { LunPage } from "../../../components/lun/lun-page.tsx";

export const metadata: Metadata = { title: "LUN" };

export default function Page() {
  return <LunPage />;
}
