"""What an adversary and bad luck would try: kills, forgeries, rewritten files."""
