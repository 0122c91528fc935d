"""The embedded W&B-compatible server: GraphQL, file stream and file storage over SQLAlchemy.

    asyncwb.server.app.create_app(ServerConfig(...))      the ASGI application
    asyncwb.server.asgi.app_factory()                     the same, configured by environment
    asyncwb.server.bootstrap.ensure_first_user(data_dir)  who may log in, before the first start

Nothing is imported here, so that `import asyncwb.server` stays free of the extra's packages.
"""
