"""The loop: think → act → weigh → think … → diversify ⇄ vote → conclude. Without votes, `diversify` lets the case pass."""

from __future__ import annotations

from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from agent.act import act
from agent.case import Case, CaseState, last_reply, open_calls
from agent.conclude import conclude
from agent.diversify import after_diversify, diversify, vote
from agent.think import think
from agent.weigh import weigh

Graph = CompiledStateGraph[CaseState, Case, CaseState, CaseState]


def build_graph(checkpointer: Any = None) -> Graph:
    """The compiled loop; run it with `ainvoke(case.start(), context=case)`."""
    graph = StateGraph(CaseState, context_schema=Case)
    graph.add_node("think", think)
    graph.add_node("act", act)
    graph.add_node("weigh", weigh)
    graph.add_node("diversify", diversify)
    graph.add_node("vote", vote)
    graph.add_node("conclude", conclude)
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", after_think)
    graph.add_conditional_edges("act", after_act)
    graph.add_conditional_edges("weigh", after_weigh)
    graph.add_conditional_edges("diversify", after_diversify, ["vote", "conclude"])
    graph.add_edge("vote", "diversify")
    graph.add_edge("conclude", END)
    return graph.compile(checkpointer=checkpointer)


def after_think(state: CaseState) -> Literal["act", "think", "diversify"]:
    """Calls are carried out; an answer or a reason to stop ends the case; silence is asked again."""
    if state["stop"] or state["verdict"]:
        return "diversify"
    return "act" if last_reply(state).tool_calls else "think"


def after_act(state: CaseState) -> Literal["act", "weigh"]:
    """The next call of the same reply, until none is left or one of them was an answer."""
    return "act" if open_calls(state) else "weigh"


def after_weigh(state: CaseState, runtime: Runtime[Case]) -> Literal["think", "diversify"]:
    """After an answer nothing more is asked; an answer that was refused on the last turn may be given once more."""
    spent = state["turns"] > runtime.context.limits.max_turns
    return "diversify" if state["verdict"] or spent else "think"
