#!/usr/bin/env python3
"""A page as a browser shows it (Chromium without a window).

    tests/live/browser.py URL SECONDS OUT.png [EXPRESSION]...

Opens the page, waits, writes a picture of it, and prints what each expression (JavaScript) is then, as
JSON, a line each; then what the page wrote to its console or asked others for, which should be nothing.
Exit status 77 without Chromium."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time


class Browser:
    """Chromium behind two pipes: messages of the DevTools protocol, each ended by a zero byte."""

    def __init__(self, program, folder):
        to_read, self.to = os.pipe()
        self.back, back_write = os.pipe()

        def pipes():
            ends = os.dup(to_read), os.dup(back_write)  # past 3 and 4, whatever they were
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             "--no-first-run", "--disable-extensions", "--user-data-dir=" + folder, "about:blank"],
            close_fds=False, preexec_fn=pipes, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(back_write)
        self.number, self.rest, self.heard = 0, b"", []

    def receive(self):
        while b"\0" not in self.rest:
            more = os.read(self.back, 1 << 20)
            if not more:
                raise SystemExit("the browser has ended")
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def ask(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                return answer.get("result") or {"error": answer.get("error")}
            self.heard.append(answer)


def main():
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        sys.exit(77)
    url, seconds, out, expressions = sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4:]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(program, folder)
        try:
            target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
            session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in "Page", "Runtime", "Network", "Log":
                browser.ask(domain + ".enable", session)
            browser.ask("Emulation.setDeviceMetricsOverride", session, width=1280, height=860,
                        deviceScaleFactor=1, mobile=False)
            browser.ask("Page.navigate", session, url=url)
            time.sleep(seconds)
            for expression in expressions:
                result = browser.ask("Runtime.evaluate", session, expression=expression, returnByValue=True)
                print(json.dumps(result.get("result", {}).get("value")))
            picture = browser.ask("Page.captureScreenshot", session, format="png")["data"]
        finally:
            browser.process.terminate()
            browser.process.wait()
    with open(out, "wb") as f:
        f.write(base64.b64decode(picture))
    origin = url.split("/", 3)[2]
    for heard in browser.heard:
        method, what = heard.get("method"), heard.get("params", {})
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            print("console:", json.dumps(what)[:400])
        if method == "Network.requestWillBeSent":
            asked = what["request"]["url"]
            if not asked.startswith(("data:", "http://" + origin)):
                print("elsewhere:", asked)


if __name__ == "__main__":
    main()
