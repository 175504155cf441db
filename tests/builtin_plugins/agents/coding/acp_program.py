"""A coding agent that speaks the Agent Client Protocol and does what the variable ACTS says; what it saw is in its last message, as JSON."""

import asyncio
import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import acp
from acp.schema import AgentCapabilities, InitializeResponse, NewSessionResponse, PermissionOption, PromptResponse

CHOICES = [
    PermissionOption(option_id="always", name="Always", kind="allow_always"),
    PermissionOption(option_id="yes", name="Yes", kind="allow_once"),
    PermissionOption(option_id="no", name="No", kind="reject_once"),
]


class Program:
    def on_connect(self, conn):
        self.conn = conn

    async def initialize(self, protocol_version, **more):
        return InitializeResponse(protocol_version=protocol_version, agent_capabilities=AgentCapabilities())

    async def new_session(self, cwd, **more):
        self.cwd = cwd
        return NewSessionResponse(session_id="one")

    async def cancel(self, session_id, **more):
        Path(self.cwd, "cancelled").write_text("yes")

    async def prompt(self, session_id, prompt, **more):
        self.text = prompt[0].text
        seen = []
        for name, *given in json.loads(os.environ["ACTS"]):
            try:
                seen.append(await getattr(self, "do_" + name)(*given))
            except acp.RequestError as error:
                seen.append(f"error: {error}"[:30])
        await self.conn.session_update(session_id, acp.update_agent_message_text(json.dumps(seen)))
        return PromptResponse(stop_reason=os.environ.get("STOP", "end_turn"))

    async def do_write(self, path, text):
        """By itself."""
        Path(self.cwd, path).write_text(text)

    async def do_ask_write(self, path, text):
        """Through the dispatcher."""
        await self.conn.write_text_file(session_id="one", path=path.replace("{cwd}", self.cwd), content=text)

    async def do_ask_read(self, path):
        answer = await self.conn.read_text_file(session_id="one", path=path.replace("{cwd}", self.cwd))
        return answer.content

    async def do_permission(self, kind, path):
        call = acp.start_tool_call("call", f"{kind} {path}", kind=kind)
        call = acp.schema.ToolCallUpdate(
            tool_call_id=f"{kind}{path}",
            title=f"{kind} {path}",
            kind=kind,
            locations=[acp.schema.ToolCallLocation(path=path.replace("{cwd}", self.cwd))] if path else None,
        )
        answer = await self.conn.request_permission(session_id="one", tool_call=call, options=CHOICES)
        return getattr(answer.outcome, "option_id", answer.outcome.outcome)

    async def do_terminal(self, command, *args):
        made = await self.conn.create_terminal(session_id="one", command=command, args=list(args), cwd=self.cwd)
        ended = await self.conn.wait_for_terminal_exit(session_id="one", terminal_id=made.terminal_id)
        out = await self.conn.terminal_output(session_id="one", terminal_id=made.terminal_id)
        await self.conn.release_terminal(session_id="one", terminal_id=made.terminal_id)
        return [ended.exit_code, out.output]

    async def do_spawn(self, *command):
        """A process of its own."""
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        return [ended.returncode, ended.stdout]

    async def do_plan(self):
        entries = [acp.plan_entry("read", status="completed"), acp.plan_entry("write it", status="in_progress")]
        await self.conn.session_update("one", acp.update_plan(entries))

    async def do_save_prompt(self, path):
        Path(self.cwd, path).write_text(self.text)

    async def do_model(self, text):
        """Ask the model server."""
        return await asyncio.to_thread(self._ask, text)

    def _ask(self, text):
        body = json.dumps({"model": "any", "messages": [{"role": "user", "content": text}]}).encode()
        request = urllib.request.Request(
            os.environ["MODEL_URL"] + "/chat/completions", body, {"Authorization": "Bearer inside"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return json.load(reply)["choices"][0]["message"]["content"]
        except urllib.error.HTTPError as error:
            return error.code

    async def do_snoop(self, backwards):
        """Everywhere a key could be; where it is."""
        secret = backwards[::-1]
        found = [f"env {name}" for name, text in os.environ.items() if secret in text]
        places = [*Path("/proc").glob("[0-9]*/environ"), *Path("/proc").glob("[0-9]*/cmdline")]
        places += [path for top in ("/tmp", self.cwd, "/etc") for path in Path(top).rglob("*") if path.is_file()]
        looked = 0
        for path in places:
            try:
                data = path.read_bytes()
            except OSError:
                continue
            looked += 1
            if secret.encode() in data:
                found.append(str(path))
        return [found, looked, sorted(os.environ), os.environ["HOME"]]

    async def do_sleep(self, seconds):
        Path(self.cwd, "begun").write_text("yes")
        await asyncio.sleep(seconds)

    async def do_die(self, code):
        print("this is the end", file=__import__("sys").stderr, flush=True)
        os._exit(code)


print(os.environ.get("GREETING", ""), flush=True)
asyncio.run(acp.run_agent(Program()))
