"""The gateway as a server: its connections, its start and its end"""
