// Screenshots for the README, see samples/pictures.sh.
import {join} from "node:path";
import {openBrowser, openReport} from "./browser.mjs";

const shots = [
  {file: "demo-light.png", name: "before", height: 1490},
  {file: "demo-dark.png", name: "before", height: 1490, media: {colorScheme: "dark"}},
  {file: "demo-diff.png", name: "diff", height: 1400},
];
const browser = await openBrowser();
for (const {file, name, height, media} of shots) {
  const page = await openReport(browser.context, name, {media});
  await page.setViewportSize({width: 1200, height});
  await page.mouse.move(2, 2);
  await page.screenshot({path: join(process.env.PGFLAME_PICTURES, file)});
  await page.close();
}
await browser.close();
