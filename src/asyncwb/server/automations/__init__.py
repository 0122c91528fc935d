"""Automations: what happens when something happened.

`conditions` reads what an automation waits for; `acting` compares events with it and acts, inside
the transaction of the change that is the event.
"""
